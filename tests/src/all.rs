//! Tests across crates, one binary: models against `transformers`, sampling, gradients, twins, learning, layers,
//! and the command line.

mod cli;
mod fixture;
mod generation;
mod gradient;
mod layering;
mod learn;
mod models;
mod smollm2;
mod twin;
