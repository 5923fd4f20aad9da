//! The figures of an update, all safe where there is nothing to average.

use minform_credit::{HIGHLY_REPETITIVE, mean, reflection_count, repeat_score, share};

use super::rl::Rl;
use super::rollout::Scored;
use crate::Result;
use crate::event::{Lengths, Spread, Update};

/// A response as text.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) repetition: f32,
}

impl Rl {
    /// The text of each response.
    pub(super) fn texts(&self, scored: &[Scored]) -> Result<Vec<Text>> {
        let text = |scored: &Scored| {
            let text = self.tokenizer.decode(&scored.rollout.response.tokens)?;
            Ok(Text { repetition: repeat_score(&text), text })
        };
        scored.iter().map(text).collect()
    }

    /// Everything that is known before the policy learns.
    pub(super) fn figures(&self, scored: &[Scored], texts: &[Text]) -> Update {
        let repetition: Vec<f32> = texts.iter().map(|text| text.repetition).collect();
        let outcomes: Vec<f32> = match self.prms.is_empty() {
            true => Vec::new(),
            false => scored.iter().map(|scored| self.outcome(scored)).collect(),
        };
        let verified: Vec<Option<f32>> = scored.iter().map(|scored| scored.verified).collect();
        let known: Vec<f32> = verified.iter().flatten().copied().collect();
        let lengths = |wanted: bool| lengths(scored, &repetition, |scored| is(scored.verified, wanted));
        Update {
            step: self.step,
            process_outcome: Spread::of(outcomes.iter().copied()),
            step_reward: Spread::of(flat(scored, |scored| &scored.step_rewards)),
            verified: mean(&known),
            pass_at_k: share(&groups_with_a_right_answer(scored)),
            checked: known.len() as f32 / scored.len().max(1) as f32,
            agreement: share(&agreements(&outcomes, &verified)),
            reward: Spread::of(scored.iter().map(|scored| scored.credit.rewards.iter().sum())),
            returns: Spread::of(flat(scored, |scored| &scored.credit.returns)),
            advantage: Spread::of(flat(scored, |scored| &scored.credit.advantages)),
            value: Spread::of(flat(scored, |scored| &scored.values)),
            explained_variance: self.critic.as_ref().and_then(|_| explained_variance(scored)),
            kl: Spread::of(flat(scored, |scored| &scored.kl)).map(|kl| kl.mean),
            kl_coefficient: self.kl_coefficient,
            entropy: Spread::of(flat(scored, |scored| &scored.rollout.response.log_probs)).map(|p| -p.mean),
            sampler_kl: Spread::of(flat(scored, |scored| &scored.mismatch).map(|d| d.exp_m1() - d)).map(|kl| kl.mean),
            importance: Spread::of(flat(scored, |scored| &scored.importance)),
            length: Spread::of(scored.iter().map(length)).unwrap_or_default(),
            truncated: share(&scored.iter().map(is_truncated).collect::<Vec<_>>()).unwrap_or_default(),
            right: lengths(true),
            wrong: lengths(false),
            prompt_length: Spread::of(scored.iter().map(|scored| scored.rollout.prompt_ids.len() as f32))
                .unwrap_or_default(),
            steps: Spread::of(scored.iter().map(|scored| scored.rollout.steps.ends.len() as f32)).unwrap_or_default(),
            reflection: Spread::of(texts.iter().map(|text| reflection_count(&text.text) as f32)).unwrap_or_default(),
            repetition: Spread::of(repetition.iter().copied()).unwrap_or_default(),
            responses: scored.len(),
            tokens: scored.iter().map(|scored| scored.rollout.response.tokens.len()).sum(),
            ..Update::default()
        }
    }

    /// Σ transformed step rewards of a response.
    pub(super) fn outcome(&self, scored: &Scored) -> f32 {
        self.config.credit.form().outcome(&self.config.reward.shaping().apply(&scored.step_rewards))
    }
}

fn flat<'b>(scored: &'b [Scored], values: fn(&Scored) -> &[f32]) -> impl Iterator<Item = f32> + 'b {
    scored.iter().flat_map(move |scored| values(scored).iter().copied())
}

fn length(scored: &Scored) -> f32 {
    scored.rollout.response.tokens.len() as f32
}

fn is_truncated(scored: &Scored) -> bool {
    !scored.rollout.response.finished
}

fn is(verified: Option<f32>, wanted: bool) -> bool {
    verified.is_some_and(|verified| (verified > 0.5) == wanted)
}

/// For each group that may be checked: whether one of its answers is right.
fn groups_with_a_right_answer(scored: &[Scored]) -> Vec<bool> {
    let groups = scored.chunk_by(|a, b| a.rollout.prompt == b.rollout.prompt);
    let checked = groups.filter(|group| group.iter().any(|scored| scored.verified.is_some()));
    checked.map(|group| group.iter().any(|scored| is(scored.verified, true))).collect()
}

/// Whether the process outcome is positive exactly when the answer is right.
fn agreements(outcomes: &[f32], verified: &[Option<f32>]) -> Vec<bool> {
    let pairs = outcomes.iter().zip(verified);
    pairs.filter_map(|(outcome, verified)| verified.map(|v| (*outcome > 0.0) == (v > 0.5))).collect()
}

fn lengths(scored: &[Scored], repetition: &[f32], wanted: impl Fn(&Scored) -> bool) -> Option<Lengths> {
    let chosen: Vec<(&Scored, f32)> =
        scored.iter().zip(repetition).filter(|(s, _)| wanted(s)).map(|(s, r)| (s, *r)).collect();
    Some(Lengths {
        tokens: Spread::of(chosen.iter().map(|(scored, _)| length(scored)))?,
        truncated: share(&chosen.iter().map(|(scored, _)| is_truncated(scored)).collect::<Vec<_>>())?,
        repetitive: share(&chosen.iter().map(|(_, score)| *score > HIGHLY_REPETITIVE).collect::<Vec<_>>())?,
    })
}

/// 1 − Var(R − V) / Var(R); `None` where the returns do not vary.
fn explained_variance(scored: &[Scored]) -> Option<f32> {
    let variance = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>()
    };
    let returns = || flat(scored, |scored| &scored.credit.returns).map(f64::from);
    let errors = || returns().zip(flat(scored, |scored| &scored.values)).map(|(r, v)| r - f64::from(v));
    let total = variance(&mut returns());
    (total > 0.0).then(|| (1.0 - variance(&mut errors()) / total) as f32)
}
