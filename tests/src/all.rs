//! Tests across crates, one binary: models against `transformers`, sampling, gradients, twins, learning, layers,
//! and the command line.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as expected")]

mod benchmarks;
mod cli;
mod devices;
mod experiment;
mod families;
mod files;
mod fixture;
mod generation;
mod golden;
mod gradient;
mod judge;
mod layering;
mod learn;
mod models;
mod playground;
mod presets;
mod prm_training;
mod program;
mod resume;
mod rollouts;
mod serving;
mod smollm2;
mod twin;
mod workers;
