//! `minform label`: solutions with a label for every step.

mod compare;
mod corruption;
mod rollouts;

use anyhow::Result;
use minform_core::config::Config;
use minform_core::label::RolloutLabels;
use minform_text::data::Problem;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::problems::problems_of;
use crate::cli::{Label, LabelMethod};
use crate::folder::refuse_present;
use crate::{output, settings};

/// A solution as TRL's stepwise supervision has it.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    id: String,
    prompt: String,
    completions: Vec<String>,
    /// `null` where nobody judged.
    labels: Vec<Option<bool>>,
    /// Shares of rollouts that reach the right answer, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Option<f32>>>,
    final_answer_correct: bool,
}

impl Row {
    /// Of rollouts; `texts` are those of its steps.
    fn of_rollouts(id: String, problem: &Problem, labels: RolloutLabels, texts: Vec<String>) -> Self {
        let RolloutLabels { labels, values, right, .. } = labels;
        let prompt = problem.question.clone();
        Self { id, prompt, completions: texts, labels, values: Some(values), final_answer_correct: right }
    }
}

pub(crate) fn run(options: &Label) -> Result<()> {
    if !options.resume {
        refuse_present(&[&options.out], options.overwrite)?;
    }
    let config = settings::load(&Config::default(), &options.common)?;
    let problems = || problems_of(&options.data, options.rows, &config);
    match options.method {
        LabelMethod::Corruption => corruption::run(options, &problems()?, config.seed),
        LabelMethod::MonteCarlo | LabelMethod::Omega => rollouts::run(options, &problems()?, &config),
        LabelMethod::Compare => compare::run(options, &config),
    }
}

/// What rollouts took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Spent {
    rollouts: usize,
    tokens: usize,
    /// Rollouts that ran into the length limit.
    cut: usize,
    /// Beginnings that left no room for any.
    crowded: usize,
}

impl Spent {
    fn and(self, other: Self) -> Self {
        Self {
            rollouts: self.rollouts + other.rollouts,
            tokens: self.tokens + other.tokens,
            cut: self.cut + other.cut,
            crowded: self.crowded + other.crowded,
        }
    }
}

/// Rows as JSON lines.
fn lines<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<String> {
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(row)?;
        text.push('\n');
    }
    Ok(text)
}

/// Tells what was written.
fn tell(options: &Label, rows: &[&Row], spent: Option<Spent>) -> Result<()> {
    let wrong = rows.iter().filter(|row| row.labels.contains(&Some(false))).count();
    let judged = rows.iter().flat_map(|row| &row.labels).flatten().count();
    output::line(match options.common.json {
        true => json!({
            "saved": options.out, "rows": rows.len(), "wrong": wrong, "judged_steps": judged,
            "rollouts": spent.map(|spent| spent.rollouts), "tokens": spent.map(|spent| spent.tokens),
            "cut": spent.map(|spent| spent.cut), "crowded": spent.map(|spent| spent.crowded),
        })
        .to_string(),
        false => {
            let told = |Spent { rollouts, tokens, .. }| format!("; {rollouts} rollouts of {tokens} tokens");
            let spent = spent.map_or(String::new(), told);
            let out = options.out.display();
            format!("saved {out}: {} solutions, {wrong} with a wrong step, {judged} judged steps{spent}", rows.len())
        }
    })
}
