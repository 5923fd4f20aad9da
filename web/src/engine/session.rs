//! Live RL on the arithmetic world.

use js_sys::Function;
use minform_core::Result as CoreResult;
use minform_core::config::{Config, Form as FormName};
use minform_core::demo::{self, Demo};
use minform_core::event::{Event, Listener};
use minform_core::experiment::Experiment;
use serde::Deserialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::listen::Listen;
use super::model::Model;
use super::thrown::{thrown, unwritten};
use super::turns::in_turns;
use crate::credit::Form;

/// What a run is made with; what is not named here is as in `minform experiment credit-forms`.
#[derive(Debug, Clone, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct SessionSettings {
    /// How step scores become credit.
    pub form: Form,
    /// The same seed, the same problems and the same luck.
    pub seed: u32,
    /// Learning rate, the same for all updates.
    pub learning_rate: f64,
    /// Problems per update.
    pub prompts: usize,
    /// Solutions per problem.
    pub samples: usize,
    /// Weight of the penalty on leaving the first policy.
    pub kl: f32,
    /// Share of the problems whose answer the policy may be checked on.
    pub verifiable_share: f32,
    /// Updates between two evaluations on held-out problems; 0 only before and after the run.
    pub evaluate_every: usize,
    /// Updates of the whole run.
    pub updates: usize,
}

impl From<&SessionSettings> for Config {
    fn from(settings: &SessionSettings) -> Self {
        let mut config = Experiment::CreditForms.settings();
        config.seed = settings.seed.into();
        // What the models of web/models/nano were trained on.
        config.world.max_level = 2;
        config.world.test_problems = 100;
        let rl = &mut config.rl;
        rl.updates = settings.updates;
        rl.prompts = settings.prompts;
        rl.samples = settings.samples;
        rl.evaluate_every = settings.evaluate_every;
        rl.optimizer.lr = settings.learning_rate;
        rl.kl.coefficient = settings.kl;
        rl.reward.verifiable = if settings.verifiable_share > 0.0 { 1.0 } else { 0.0 };
        rl.reward.verifiable_share = settings.verifiable_share;
        let credit = &mut rl.credit;
        match settings.form {
            Form::Sum { gamma } => (credit.form, credit.gamma) = (FormName::Sum, gamma),
            Form::Mean => credit.form = FormName::Mean,
            Form::SoftMin { temperature } => (credit.form, credit.temperature) = (FormName::SoftMin, temperature),
            Form::ExactMin => credit.form = FormName::ExactMin,
        }
        config
    }
}

/// A policy in training.
#[wasm_bindgen]
pub struct Session {
    demo: Demo,
    session: demo::Session,
}

#[wasm_bindgen]
impl Session {
    /// Begins RL of a copy of `policy` against `prm`, both of the arithmetic world.
    ///
    /// # Errors
    /// Settings out of range, or models of another kind or another world.
    pub fn create(policy: &Model, prm: &Model, settings: Ts<SessionSettings>) -> Result<Self, JsValue> {
        let config = Config::from(&settings.to_rust().map_err(unwritten)?);
        let demo = Demo::with_models(&config, policy.policy()?.clone(), Some(prm.prm()?.clone())).map_err(thrown)?;
        let session = demo.session().map_err(thrown)?;
        Ok(Self { demo, session })
    }

    /// Makes up to `count` of the updates that are left. `listen` hears every event of the run.
    ///
    /// The policy is evaluated before the first update, when it is due, and after the last.
    ///
    /// # Errors
    /// A loss or gradient that is not finite, the failure of the device, or an `AbortError`. The policy is that of the
    /// last full update, from which the next call goes on.
    pub async fn step(
        &mut self,
        count: usize,
        #[wasm_bindgen(unchecked_param_type = "(event: Event) => boolean")] listen: Function,
    ) -> Result<(), JsValue> {
        let listen = Listen::new(listen);
        let mut hear = |event: Event| listen.hear(&event);
        in_turns(self.updates(count, &mut hear)).await.map_err(thrown)
    }

    /// Updates made so far.
    pub fn made(&self) -> usize {
        self.session.rl().step()
    }

    /// Begins anew.
    ///
    /// # Errors
    /// None after a session could be made.
    pub fn reset(&mut self) -> Result<(), JsValue> {
        self.session = self.demo.session().map_err(thrown)?;
        Ok(())
    }
}

impl Session {
    async fn updates(&mut self, count: usize, listener: &mut Listener<'_>) -> CoreResult<()> {
        let last = self.session.rl().config().updates;
        let until = last.min(self.made() + count);
        if self.made() == 0 && until > 0 {
            self.session.evaluate("base", listener).await?;
        }
        while self.made() < until {
            self.session.advance(listener).await?;
            if self.session.rl().is_evaluation_due() {
                self.session.advance(listener).await?;
            }
        }
        if until == last && count > 0 {
            self.session.evaluate("final", listener).await?;
        }
        Ok(())
    }
}
