//! RL on the embedded world, update by update.

use minform_text::world::Split;
use rand::RngExt as _;

use super::{Demo, Stream, with_answer};
use crate::Result;
use crate::event::{Evaluation, Listener};
use crate::train::{HeldOut, Problem, Rl, advance, evaluate, reinforce};

/// The policy of a [`Demo`] in training against its process reward model, on an endless stream of problems.
pub struct Session {
    rl: Rl,
    problems: Box<dyn Iterator<Item = Problem> + Send>,
    held_out: HeldOut,
}

impl Demo {
    /// Begins RL of a copy of the policy.
    ///
    /// # Errors
    /// A configuration that cannot train, or no process reward model where it needs one.
    pub fn session(&self) -> Result<Session> {
        let config = self.config();
        let mut checkable = self.rng(Stream::Checkable);
        let share = config.rl.reward.checked_share();
        let problems = self.world(Stream::RlProblems).problems(Split::Train, self.levels.clone());
        let rl = Rl::new(
            self.policy.clone(),
            self.prm.iter().map(|prm| prm.for_inference(config.dtype)).collect(),
            self.tokenizer.clone(),
            &config.rl,
            &config.sampling,
            self.seed(Stream::Rl),
        )?;
        Ok(Session {
            rl: rl.with_execution(&self.execution()),
            problems: Box::new(problems.map(move |problem| with_answer(&problem, checkable.random::<f32>() < share))),
            held_out: self.held_out.clone(),
        })
    }
}

impl Session {
    /// The policy in training, and how far it is.
    pub fn rl(&self) -> &Rl {
        &self.rl
    }

    /// One update or the evaluation due after it, see [`advance`].
    ///
    /// # Errors
    /// Those of [`advance`].
    pub async fn advance(&mut self, listener: &mut Listener<'_>) -> Result<Option<Evaluation>> {
        let mut next = |_: usize, count: usize| self.problems.by_ref().take(count).collect();
        advance(&mut self.rl, &mut next, Some(&self.held_out), listener).await
    }

    /// Accuracy of the policy as it stands on held-out problems, see [`evaluate`].
    ///
    /// # Errors
    /// Those of [`evaluate`].
    pub async fn evaluate(&self, name: &str, listener: &mut Listener<'_>) -> Result<Evaluation> {
        evaluate(self.rl.policy(), self.rl.tokenizer(), &self.held_out, name, self.rl.step(), listener).await
    }

    /// The updates that are left, see [`reinforce`].
    ///
    /// # Errors
    /// Those of [`reinforce`].
    pub async fn run(&mut self, listener: &mut Listener<'_>) -> Result<()> {
        let mut next = |_: usize, count: usize| self.problems.by_ref().take(count).collect();
        reinforce(&mut self.rl, &mut next, Some(&self.held_out), listener).await
    }
}
