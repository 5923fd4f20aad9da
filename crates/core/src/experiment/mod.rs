//! Experiments: arms that differ in a few settings, each run with several seeds on the embedded world.
//!
//! For one seed all arms start from the same policy and learn against the same process reward model, see
//! [`Demo::fine_tune`] and [`Demo::learn_prm`]; then each trains with its own settings, see [`Demo::train_arm`].

mod arms;
mod summary;

pub use arms::{Arm, Comparison, Experiment};
pub use summary::{Interval, Point, RunSummary, course, interval, summarise};

use crate::Result;
use crate::demo::{Demo, Session};
use crate::event::{Event, Listener, Phase, emit};
use crate::policy::Policy;

/// Problems on which the process reward model is judged at each evaluation, `world.prm_samples` responses each.
const AUDIT_PROBLEMS: usize = 100;

impl Demo {
    /// RL with an evaluation and an audit of the process reward model before, after, and every
    /// `rl.evaluate_every` updates. The audit asks the exact checker; the policy in training never sees it.
    ///
    /// # Errors
    /// Those of [`Session::advance`] and of sampling; the policy is then the one of the last full update.
    pub async fn train_arm(&mut self, listener: &mut Listener<'_>) -> Result<()> {
        self.evaluate("base", 0, listener).await?;
        self.audit(&self.policy, 0, listener).await?;
        let mut session = self.session()?;
        let result = self.follow(&mut session, listener).await;
        self.policy = session.rl().policy().clone();
        result?;
        self.evaluate("final", self.config().rl.updates, listener).await?;
        Ok(())
    }

    async fn follow(&self, session: &mut Session, listener: &mut Listener<'_>) -> Result<()> {
        let updates = session.rl().config().updates;
        emit(listener, Event::PhaseStarted { phase: Phase::Rl, total: updates })?;
        while session.rl().step() < updates {
            if let Some(evaluation) = session.advance(listener).await? {
                self.audit(session.rl().policy(), evaluation.step, listener).await?;
            }
        }
        emit(listener, Event::PhaseFinished { phase: Phase::Rl, tokens: 0 })?;
        self.audit(session.rl().policy(), updates, listener).await
    }

    async fn audit(&self, policy: &Policy, step: usize, listener: &mut Listener<'_>) -> Result<()> {
        let on = format!("samples after {step} updates");
        self.judge_on_samples(policy, AUDIT_PROBLEMS, &on, step, listener).await?;
        Ok(())
    }
}
