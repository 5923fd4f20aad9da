//! The operations of a pass, one by one.

use anyhow::Result;
use minform_core::model::{Sequences, operations};
use serde::Serialize;

use super::Bencher;
use crate::rates::best_seconds;

impl Bencher {
    /// The time of every operation of a micro-batch, the shortest of some runs.
    pub(super) fn operations(&self, Sequences { rows, tokens }: Sequences) -> Result<Vec<OperationTime>> {
        let rows = rows.min((self.config.sft.micro_batch_tokens / tokens).max(1));
        self.tell("operation           times  forward, ms   in all, ms    GFLOP/s  and back, ms")?;
        let device = self.device.clone().autodiff();
        let mut times = Vec::new();
        for operation in operations(&self.shape, Sequences { rows, tokens }, self.config.dtype, &device) {
            let one = OperationTime {
                name: operation.name,
                times: operation.times,
                operations: operation.operations,
                forward: best_seconds(&device, || operation.forward())?,
                both: best_seconds(&device, || operation.forward_and_backward())?,
            };
            self.tell(&one.line())?;
            times.push(one);
        }
        self.tell(
            "\ntimes: how often a pass does it. forward: once; in all: as often. and back: once, with its gradient.",
        )?;
        Ok(times)
    }
}

/// The time of one operation.
#[derive(Debug, Serialize)]
pub(super) struct OperationTime {
    name: &'static str,
    /// How often a pass does it.
    times: usize,
    /// Of its products, forward.
    operations: f64,
    /// Seconds without gradients.
    forward: f64,
    /// Seconds with those of its inputs.
    both: f64,
}

impl OperationTime {
    fn line(&self) -> String {
        format!(
            "{:<18}{:>7}{:>13.3}{:>13.1}{:>11.1}{:>14.3}",
            self.name,
            self.times,
            1e3 * self.forward,
            1e3 * self.forward * self.times as f64,
            self.operations / self.forward / 1e9,
            1e3 * self.both,
        )
    }
}
