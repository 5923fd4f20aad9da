//! Solutions whose steps are followed by a tag, in one text or turn by turn.

use serde_json::Value;

use super::fields::Row;
use super::stepwise::{judged, share};
use super::{Skipped, StepRow};

/// The tag of Math-Shepherd, a word that no solution uses.
pub(super) const TAG: &str = "ки";

/// Where the first step begins if nothing else tells it from the problem.
const FIRST: &str = "Step 1:";

/// `input` with tags, `label` with signs in their place.
pub(super) fn math_shepherd(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let (input, label) = (row.text("input")?, row.text("label")?);
    let pieces = pieces(row, &input)?;
    let mut rest = label.as_str();
    let mut labels = Vec::with_capacity(pieces.len());
    for (number, piece) in pieces.iter().enumerate() {
        let unlike = || {
            let problem =
                format!("does not repeat step {} of `input` with + or - after it; mend or remove the row", number + 1);
            row.skipped(Some("label"), problem)
        };
        let after = rest.strip_prefix(piece).ok_or_else(unlike)?;
        let sign = after.chars().next().and_then(|sign| sign_of(sign.encode_utf8(&mut [0; 4])));
        labels.push(Some(sign.ok_or_else(unlike)?));
        rest = &after[1..];
    }
    solution(row, "input", &pieces, labels)
}

/// `input` with tags, and a list with an entry for each.
pub(super) fn open_rlhf(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let field = row.either(["value", "label"]);
    let input = row.text("input")?;
    let pieces = pieces(row, &input)?;
    let values = match row.value(field)? {
        Value::String(signs) => spelled(row, field, signs, pieces.len())?,
        _ => row.entries(field, pieces.len(), "+, -, a boolean or a number from 0 to 1", |entry| match entry {
            Value::String(sign) => sign_of(sign.trim()).map(f32::from),
            Value::Bool(right) => Some(f32::from(*right)),
            number => share(number),
        })?,
    };
    let labels = values.iter().map(|value| Some(*value >= 0.5)).collect();
    let is_soft = values.iter().any(|value| *value > 0.0 && *value < 1.0);
    let values = is_soft.then(|| values.into_iter().map(Some).collect());
    Ok(StepRow { values, ..solution(row, "input", &pieces, labels)? })
}

/// Whether a text is nothing but signs, one for each step.
pub(super) fn is_spelled(text: &str) -> bool {
    let mut signs = text.chars().filter(|c| !c.is_whitespace() && *c != ',').peekable();
    signs.peek().is_some() && signs.all(|sign| matches!(sign, '+' | '-'))
}

/// Signs in one text.
fn spelled(row: &Row<'_>, field: &str, text: &str, steps: usize) -> Result<Vec<f32>, Skipped> {
    let signs: Vec<f32> = text.chars().filter(|c| matches!(c, '+' | '-')).map(|sign| f32::from(sign == '+')).collect();
    match is_spelled(text) && signs.len() == steps {
        true => Ok(signs),
        false => Err(row.skipped(Some(field), format!("is {text:?}, expected {steps} signs + or -, one per step"))),
    }
}

/// Turns of a user, each followed by the sign that an assistant gives.
pub(super) fn rlhflow(row: &Row<'_>) -> Result<StepRow, Skipped> {
    let turns = row.list("conversations")?;
    let (mut said, mut labels) = (Vec::new(), Vec::new());
    for (index, turn) in turns.iter().enumerate() {
        let field = |name: &str| format!("conversations[{index}].{name}");
        let content = turn["content"].as_str();
        let content =
            content.ok_or_else(|| row.skipped(Some(&field("content")), "is no text; mend or remove the row"))?;
        match (turn["role"].as_str(), said.len() == labels.len()) {
            (Some("user"), true) => said.push(content),
            (Some("assistant"), false) => {
                let sign = sign_of(content.trim());
                let wrong =
                    || row.skipped(Some(&field("content")), format!("is {content:?}, expected + or -; mend it"));
                labels.push(Some(sign.ok_or_else(wrong)?));
            }
            _ => {
                let problem = "is out of turn; user and assistant must alternate, the user first";
                return Err(row.skipped(Some(&field("role")), problem));
            }
        }
    }
    // A last turn that nobody answered is a step that nobody judged.
    labels.resize(said.len(), None);
    solution(row, "conversations", &said, labels)
}

/// What stands before each tag.
fn pieces<'a>(row: &Row<'_>, input: &'a str) -> Result<Vec<&'a str>, Skipped> {
    let mut pieces: Vec<&str> = input.split(TAG).collect();
    // What follows the last tag is no step.
    pieces.pop();
    match pieces.is_empty() {
        true => Err(row
            .skipped(Some("input"), format!("has no step that ends in {TAG}; choose the format the file really has"))),
        false => Ok(pieces),
    }
}

fn sign_of(sign: &str) -> Option<bool> {
    match sign {
        "+" => Some(true),
        "-" => Some(false),
        _ => None,
    }
}

/// Problem and steps from texts of which the first holds both.
fn solution(row: &Row<'_>, field: &str, said: &[&str], labels: Vec<Option<bool>>) -> Result<StepRow, Skipped> {
    let (first, rest) = said.split_first().ok_or_else(|| row.skipped(Some(field), "has no step; remove the row"))?;
    let (problem, first) = parted(first).ok_or_else(|| {
        let problem = format!(
            "does not tell problem and first step apart; write {FIRST:?} or a line break before the first step"
        );
        row.skipped(Some(field), problem)
    })?;
    let steps = std::iter::once(first).chain(rest.iter().copied()).map(|step| step.trim().to_owned()).collect();
    Ok(judged(row.id(&["id", "idx"]), problem.trim().to_owned(), steps, labels))
}

/// Problem and first step: at "Step 1:", else at the last blank line, else at the last line break.
fn parted(text: &str) -> Option<(&str, &str)> {
    let at = text.find(FIRST).or_else(|| text.trim_end().rfind("\n\n")).or_else(|| text.trim_end().rfind('\n'))?;
    let (problem, step) = text.split_at(at);
    (!problem.trim().is_empty() && !step.trim().is_empty()).then_some((problem, step))
}
