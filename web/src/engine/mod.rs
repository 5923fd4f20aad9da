//! Models in a worker: the classes that the page's worker drives.
//!
//! Every long call is a promise. It takes a function `listen`, told how the work goes, which ends it by returning
//! `false`; between two stretches of work the worker handles its messages, so that a wish to stop can arrive.

mod device;
mod judge;
mod listen;
mod model;
mod session;
mod text_calls;
mod thrown;
mod turns;
mod world;
mod writer;

pub use device::{DeviceReport, SelfTest, report, self_test, start};
pub use judge::{Judge, Scores};
pub use model::{Model, ModelFile, ModelInfo, Tokens};
pub use session::{Session, SessionSettings};
pub use text_calls::{answer_text, load_text};
pub use world::{WorldProblem, check, problem};
pub use writer::{Piece, WriteOptions, Writer, Written};
