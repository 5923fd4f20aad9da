//! PRM800K as OpenAI published it: a tree of completions along one path, each rated by a labeller.

use serde_json::Value;

use super::fields::Row;
use super::stepwise::judged;
use super::{Skipped, StepRow};

/// The path that the labeller went on with, as one row; and every other rated completion as a row of its own, in which
/// nothing but it is judged, since the steps before it are judged in the first.
pub(super) fn solutions(row: &Row<'_>) -> Vec<Result<StepRow, Skipped>> {
    match read(row) {
        Ok(rows) => rows.into_iter().map(Ok).collect(),
        Err(skipped) => vec![Err(skipped)],
    }
}

fn read(row: &Row<'_>) -> Result<Vec<StepRow>, Skipped> {
    let problem = row.value("question")?["problem"].as_str().filter(|text| !text.trim().is_empty());
    let problem = problem.ok_or_else(|| row.skipped(Some("question.problem"), "is missing or no text; add it"))?;
    let label = row.value("label")?;
    if label["finish_reason"] == "bad_problem" {
        return Err(row.skipped(Some("label.finish_reason"), "is bad_problem: the labeller found the problem unusable"));
    }
    let steps = label["steps"].as_array().filter(|steps| !steps.is_empty());
    let steps = steps.ok_or_else(|| row.skipped(Some("label.steps"), "is missing or empty; remove the row"))?;
    let id = row.id(&["id", "timestamp"]);
    let (mut path, mut labels, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (index, step) in steps.iter().enumerate() {
        let completions = completions(row, index, step)?;
        let chosen = step["chosen_completion"].as_u64().and_then(|chosen| usize::try_from(chosen).ok());
        let human = step["human_completion"]["text"].as_str().or(step["human_completion"].as_str());
        let next = match (chosen.and_then(|chosen| completions.get(chosen)), human) {
            (Some(chosen), _) => Some(chosen.clone()),
            // Written by the labeller, who would not go on with a wrong step.
            (None, Some(human)) => Some((human.to_owned(), Some(true))),
            // Where the labeller went no further, the first completion ends the path.
            (None, None) => completions.first().cloned(),
        };
        for (other, (text, rating)) in completions.iter().enumerate() {
            if rating.is_some() && next.as_ref().is_none_or(|(chosen, _)| chosen != text) {
                let mut steps: Vec<String> = path.clone();
                steps.push(text.clone());
                let mut alone = vec![None; path.len()];
                alone.push(*rating);
                rows.push(judged(format!("{id}/{index}/{other}"), problem.to_owned(), steps, alone));
            }
        }
        let Some((text, rating)) = next else { break };
        path.push(text);
        labels.push(rating);
    }
    if path.is_empty() {
        return Err(row.skipped(Some("label.steps"), "has no completion; remove the row"));
    }
    rows.insert(0, judged(id, problem.to_owned(), path, labels));
    Ok(rows)
}

/// Texts and ratings: 1 and 0 (neutral) read right, -1 wrong.
fn completions(row: &Row<'_>, index: usize, step: &Value) -> Result<Vec<(String, Option<bool>)>, Skipped> {
    let list = step["completions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let completion = |(number, completion): (usize, &Value)| {
        let field = |name: &str| format!("label.steps[{index}].completions[{number}].{name}");
        let text = completion["text"].as_str().ok_or_else(|| row.skipped(Some(&field("text")), "is no text; mend it"));
        let rating = match &completion["rating"] {
            Value::Null => Ok(None),
            number => match number.as_i64() {
                Some(rating @ -1..=1) => Ok(Some(rating >= 0)),
                _ => {
                    Err(row.skipped(Some(&field("rating")), format!("is {number}, expected 1, 0, -1 or null; mend it")))
                }
            },
        };
        Ok((text?.to_owned(), rating?))
    };
    list.iter().enumerate().map(completion).collect()
}
