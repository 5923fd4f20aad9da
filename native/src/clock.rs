//! Where the time of a run goes.

use std::collections::BTreeMap;
use std::time::Instant;

use minform_core::event::{Event, Phase};
use serde::{Deserialize, Serialize};

/// Seconds and tokens of a phase, without the phases inside it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) tokens: usize,
}

impl Spent {
    /// Tokens per second.
    pub(crate) fn rate(self) -> f64 {
        self.tokens as f64 / self.seconds.max(1e-9)
    }
}

/// What a resumed run has behind it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Elapsed {
    seconds: f64,
    spent: BTreeMap<Phase, Spent>,
}

/// The clock of a run.
pub(crate) struct Clock {
    started: Instant,
    before: f64,
    open: Vec<(Phase, Instant)>,
    spent: BTreeMap<Phase, Spent>,
}

impl Clock {
    /// Starts now, `elapsed` included.
    pub(crate) fn start(elapsed: Elapsed) -> Self {
        Self { started: Instant::now(), before: elapsed.seconds, open: Vec::new(), spent: elapsed.spent }
    }

    /// Seconds since the run began, interruptions left out.
    pub(crate) fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    /// What a checkpoint keeps, with the time of the phase that is running.
    pub(crate) fn elapsed(&self) -> Elapsed {
        let mut spent = self.spent.clone();
        if let Some((phase, since)) = self.open.last() {
            spent.entry(*phase).or_default().seconds += since.elapsed().as_secs_f64();
        }
        Elapsed { seconds: self.seconds(), spent }
    }

    /// Time of one phase so far.
    pub(crate) fn of(&self, phase: Phase) -> Option<Spent> {
        self.spent.get(&phase).copied()
    }

    /// Exclusive time of each phase so far. A phase whose tokens are those of its parts is not told apart from them.
    pub(crate) fn spent(&self) -> impl Iterator<Item = (Phase, Spent)> + '_ {
        self.spent.iter().map(|(phase, spent)| (*phase, *spent)).filter(|(_, spent)| spent.tokens > 0)
    }

    /// Takes note of phases that begin and end.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted { phase, .. } => {
                self.pause();
                self.open.push((*phase, Instant::now()));
            }
            Event::PhaseFinished { phase, tokens } => {
                self.pause();
                self.open.retain(|(open, _)| open != phase);
                if let Some((_, since)) = self.open.last_mut() {
                    *since = Instant::now();
                }
                self.spent.entry(*phase).or_default().tokens += tokens;
            }
            _ => {}
        }
    }

    /// Books the running time to the innermost phase.
    fn pause(&mut self) {
        if let Some((phase, since)) = self.open.last_mut() {
            self.spent.entry(*phase).or_default().seconds += since.elapsed().as_secs_f64();
            *since = Instant::now();
        }
    }
}
