//! Solutions with a label per step.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::grade;
use crate::steps::split_text;

use super::fields::{Row, detect, rows};
use super::{Rows, Skipped, StepRow, prm800k, tagged};

/// End of the id of a PRMBench row that holds the right solution.
pub const ORIGINAL: &str = "/original";

/// End of the id of a PRMBench row that holds the corrupted solution.
pub const MODIFIED: &str = "/modified";

/// How a file of judged solutions names its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepFormat {
    /// Found from the first row that has a format's own fields; [`StepFormat::Unjudged`] only where no row has.
    #[default]
    Auto,
    /// TRL stepwise supervision: `prompt`, `completions`, `labels` (booleans; null for unjudged). Beside them, as
    /// `minform label` writes, `values` (share of rollouts that reach the right answer) and `final_answer_correct`.
    Trl,
    /// PRM800K as it was published: `question.problem`, `label.steps` with rated completions. The solution that the
    /// labellers went on with gives a row, and each other completion a row in which it alone is judged.
    Prm800k,
    /// Math-Shepherd: `input` with a tag after each step, `label` with `+` or `-` in place of the tags.
    MathShepherd,
    /// OpenRLHF: `input` with a tag after each step, `value` (or `label`), one `+`, `-`, boolean or number for each.
    OpenRlhf,
    /// RLHFlow: `conversations`, in which a user says the problem and the steps and an assistant answers each with `+`
    /// or `-`.
    RlhFlow,
    /// `problem`, `steps` (or a solution as in [`StepFormat::Unjudged`]), `label` (index of the first wrong step from
    /// 0, or -1), `final_answer_correct`. Steps after the first error are unjudged. **Evaluation only, never train on it.**
    ProcessBench,
    /// `original_process` and `modified_process` with `error_steps` counted from 1. Each row of the file
    /// gives **two** rows: the right solution, id ending in [`ORIGINAL`], and the corrupted one, id ending
    /// in [`MODIFIED`]. The files of the error classes repeat the right solutions.
    PrmBench,
    /// `problem`, `steps`, `ratings`: 1 and 0 (neutral) read right, -1 wrong, null unjudged.
    Ratings,
    /// Nothing judged: `problem` (or `prompt`, `question`) with `steps`, or with `solution` (or `response`), whose
    /// steps are parted by blank lines; RewardMATH's `eval_solution`. Whether the answer is right may be told by
    /// `final_answer_correct`, RewardMATH's `solution_type` or an `answer` to grade it by.
    Unjudged,
}

/// The format that [`StepFormat::Auto`] stands for in a file; `Auto` where its rows fit none.
pub fn step_format(bytes: &[u8]) -> StepFormat {
    detect(&rows("", bytes).collect::<Vec<_>>(), format_of, StepFormat::Unjudged)
}

/// Reads a file of judged solutions. `name` only names the file in ids and messages.
///
/// JSON lines or one JSON array; a byte-order mark, CRLF and blank lines are accepted.
pub fn read_steps(name: &str, bytes: &[u8], format: StepFormat) -> Rows<StepRow> {
    let mut read = Rows { rows: Vec::new(), skipped: Vec::new() };
    for solution in read_each(name, bytes, format) {
        match solution {
            Ok(solution) => read.rows.push(solution),
            Err(skipped) => read.skipped.push(skipped),
        }
    }
    read
}

/// As [`read_steps`], with what is left out in its place in the file.
fn read_each(name: &str, bytes: &[u8], format: StepFormat) -> Vec<Result<StepRow, Skipped>> {
    let rows: Vec<_> = rows(name, bytes).collect();
    let format = if format == StepFormat::Auto { detect(&rows, format_of, StepFormat::Unjudged) } else { format };
    read_as(rows, |_| format)
}

/// The same of a file in which rows that nobody judged may stand among judged ones: they are read as such, in whatever
/// format the others are.
pub fn read_mixed(name: &str, bytes: &[u8]) -> Vec<Result<StepRow, Skipped>> {
    let rows: Vec<_> = rows(name, bytes).collect();
    let format = detect(&rows, format_of, StepFormat::Unjudged);
    let is_plain = |row: &Row<'_>| format_of(row) == StepFormat::Unjudged;
    read_as(rows, |row| if is_plain(row) { StepFormat::Unjudged } else { format })
}

fn read_as(
    rows: Vec<Result<Row<'_>, Skipped>>,
    format: impl Fn(&Row<'_>) -> StepFormat,
) -> Vec<Result<StepRow, Skipped>> {
    let read = |row: Result<Row<'_>, Skipped>| match row {
        Ok(row) => solutions(&row, format(&row)),
        Err(skipped) => vec![Err(skipped)],
    };
    rows.into_iter().flat_map(read).collect()
}

/// The format a row has, or `Auto` if it fits none.
fn format_of(row: &Row<'_>) -> StepFormat {
    let answered = ["steps", "solution", "response", "eval_solution"].iter().any(|field| row.has(field));
    match () {
        () if row.has("modified_process") || row.has("error_steps") => StepFormat::PrmBench,
        () if row.has("completions") => StepFormat::Trl,
        () if row.has("conversations") => StepFormat::RlhFlow,
        () if row.has("label") && row.has("question") && row.object["label"].is_object() => StepFormat::Prm800k,
        () if row.has("input") && row.object.get("label").is_some_and(is_solution) => StepFormat::MathShepherd,
        () if row.has("input") && (row.has("value") || row.has("label")) => StepFormat::OpenRlhf,
        () if row.has("ratings") => StepFormat::Ratings,
        () if answered && row.has("label") => StepFormat::ProcessBench,
        () if answered => StepFormat::Unjudged,
        () => StepFormat::Auto,
    }
}

/// Whether a label repeats the solution, as Math-Shepherd's do.
fn is_solution(label: &Value) -> bool {
    label.as_str().is_some_and(|label| !tagged::is_spelled(label))
}

fn solutions(row: &Row<'_>, format: StepFormat) -> Vec<Result<StepRow, Skipped>> {
    match format {
        StepFormat::Auto => vec![Err(row.skipped(
            None,
            "has the fields of no known format; rename its fields to `prompt`, `completions` and `labels`, or to \
             `problem` and `steps` or `solution` if no step is judged",
        ))],
        StepFormat::Trl => vec![from_trl(row)],
        StepFormat::ProcessBench => vec![from_process_bench(row)],
        StepFormat::Prm800k => prm800k::solutions(row),
        StepFormat::MathShepherd => vec![tagged::math_shepherd(row)],
        StepFormat::OpenRlhf => vec![tagged::open_rlhf(row)],
        StepFormat::RlhFlow => vec![tagged::rlhflow(row)],
        StepFormat::PrmBench => vec![original(row), modified(row)],
        StepFormat::Ratings => vec![from_ratings(row)],
        StepFormat::Unjudged => vec![from_unjudged(row)],
    }
}

/// Index of the first wrong label, -1 if all are right, `None` if an unjudged step leaves it open.
fn first_error(labels: &[Option<bool>]) -> Option<i64> {
    match labels.iter().position(|label| *label != Some(true)) {
        None => Some(-1),
        Some(index) if labels[index].is_some() => i64::try_from(index).ok(),
        Some(_) => None,
    }
}

pub(super) fn judged(id: String, problem: String, steps: Vec<String>, labels: Vec<Option<bool>>) -> StepRow {
    let first_error = first_error(&labels);
    StepRow { id, problem, steps, labels, values: None, first_error, final_answer_correct: None }
}

fn from_trl(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let steps = row.texts("completions")?;
    let labels = row.entries("labels", steps.len(), "true, false or null", |item| match item {
        Value::Bool(label) => Some(Some(*label)),
        Value::Null => Some(None),
        number => number.as_i64().filter(|n| matches!(n, 0 | 1)).map(|n| Some(n == 1)),
    })?;
    let values = match row.has("values") {
        true => Some(row.entries("values", steps.len(), "a number from 0 to 1, or null", |item| match item {
            Value::Null => Some(None),
            number => share(number).map(Some),
        })?),
        false => None,
    };
    let final_answer_correct = row.optional_bool("final_answer_correct")?;
    let row = judged(row.id(&["id", "idx"]), row.text("prompt")?, steps, labels);
    Ok(StepRow { values, final_answer_correct, ..row })
}

/// A number from 0 to 1.
pub(super) fn share(value: &Value) -> Option<f32> {
    value.as_f64().filter(|value| (0.0..=1.0).contains(value)).map(|value| value as f32)
}

fn from_unjudged(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let first = |fields: &[&'static str]| fields.iter().copied().find(|field| row.has(field));
    let problem = row.text(first(&["problem", "prompt", "question"]).unwrap_or("problem"))?;
    let steps = steps_of(row)?;
    let labels = vec![None; steps.len()];
    // An answer of another kind grades nothing, but the row is good.
    let answer = row.optional_text("answer").unwrap_or_default();
    let final_answer_correct = match (row.optional_bool("final_answer_correct")?, answer) {
        (Some(right), _) => Some(right),
        (None, _) if row.has("solution_type") => Some(row.text("solution_type")? == "chosen"),
        (None, Some(answer)) => Some(grade(&steps.join("\n\n"), &answer).correct),
        (None, None) => None,
    };
    Ok(StepRow { final_answer_correct, ..judged(row.id(&["id", "idx"]), problem, steps, labels) })
}

/// The steps as a list, or those of a solution parted by blank lines.
fn steps_of(row: &Row<'_>) -> Result<Vec<String>, Skipped> {
    if let Some(list) = ["steps", "eval_solution"].into_iter().find(|field| row.has(field)) {
        let steps = row.texts(list)?;
        return match steps.iter().all(|step| step.trim().is_empty()) {
            true => Err(row.skipped(Some(list), "holds blank steps alone; write a solution")),
            false => Ok(steps),
        };
    }
    // A model may have written nothing, which is a solution too.
    if row.object.get("response").and_then(Value::as_str).is_some_and(|response| response.trim().is_empty()) {
        return Ok(vec![String::new()]);
    }
    Ok(split_text(&row.text(row.either(["solution", "response"]))?))
}

fn from_ratings(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let steps = row.texts("steps")?;
    let labels = row.entries("ratings", steps.len(), "1, 0, -1 or null", |item| match item {
        Value::Null => Some(None),
        number => number.as_i64().filter(|n| matches!(n, -1..=1)).map(|n| Some(n >= 0)),
    })?;
    Ok(judged(row.id(&["id", "idx"]), row.text("problem")?, steps, labels))
}

fn from_process_bench(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let steps = steps_of(row)?;
    let label = row.integer("label")?;
    let wrong = || {
        let problem =
            format!("is {label} for {} steps; give the index of the first wrong step from 0, or -1", steps.len());
        row.skipped(Some("label"), problem)
    };
    let labels = match usize::try_from(label) {
        Ok(error) if error < steps.len() => (0..steps.len()).map(|step| up_to_error(step, error)).collect(),
        Err(_) if label == -1 => vec![Some(true); steps.len()],
        _ => return Err(wrong()),
    };
    let final_answer_correct = row.optional_bool("final_answer_correct")?;
    Ok(StepRow { final_answer_correct, ..judged(row.id(&["id"]), row.text("problem")?, steps, labels) })
}

fn up_to_error(step: usize, error: usize) -> Option<bool> {
    (step <= error).then_some(step < error)
}

fn original(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let steps = row.texts("original_process")?;
    let problem = row.text(row.either(["original_question", "question"]))?;
    let labels = vec![Some(true); steps.len()];
    Ok(judged(row.id(&["idx", "id"]) + ORIGINAL, problem, steps, labels))
}

/// Error steps beyond the last step are passed over, as PRMBench's own evaluation does, unless none is left:
/// the row would call a corrupted solution right.
fn modified(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let steps = row.texts("modified_process")?;
    let errors = row.integers("error_steps")?;
    let numbers = 1..=i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if !errors.is_empty() && !errors.iter().any(|error| numbers.contains(error)) {
        let problem = format!("names no step from 1 to {}; correct the numbers or remove the row", steps.len());
        return Err(row.skipped(Some("error_steps"), problem));
    }
    let labels = numbers.map(|number| Some(!errors.contains(&number))).collect();
    let problem = row.text(row.either(["modified_question", "question"]))?;
    Ok(judged(row.id(&["idx", "id"]) + MODIFIED, problem, steps, labels))
}
