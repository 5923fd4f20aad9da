//! Questions with reference answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{Row, detect, rows};
use super::{Problem, Rows, Skipped, gsm8k};
use crate::answer::extract_boxed;

/// How a file of problems names its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemFormat {
    /// Found from the first row that has a format's own fields; [`ProblemFormat::Math`], whose fields others have too,
    /// only where no row has. PURE's file reads as [`ProblemFormat::Pure`].
    #[default]
    Auto,
    /// `question`, `answer` with `<<a*b=c>>` annotations and a last line `#### final`.
    Gsm8k,
    /// `ID`, `Body`, `Question`, `Answer` (a number).
    Svamp,
    /// PURE's RL prompts: `question`, `answer` ("null" if withheld), `ref_answer`, `level`. Withheld answers
    /// stay withheld.
    Pure,
    /// The same file with `ref_answer` standing in for withheld answers, for RL on verifiable rewards alone.
    PureAllAnswers,
    /// `question`, `final_answer` (list), `solution` (list), `context`.
    OlympiadBench,
    /// `problem` or `question`, optional `answer`, `solution`, `level`: MATH, MATH-500, Minerva, AIME, AMC. A
    /// missing answer is taken from the last `\boxed{...}` of the solution.
    Math,
}

/// Reads a file of problems. `name` only names the file in ids and messages.
///
/// JSON lines or one JSON array; a byte-order mark, CRLF and blank lines are accepted.
pub fn read_problems(name: &str, bytes: &[u8], format: ProblemFormat) -> Rows<Problem> {
    let mut read = Rows { rows: Vec::new(), skipped: Vec::new() };
    let rows: Vec<_> = rows(name, bytes).collect();
    let format = if format == ProblemFormat::Auto { detect(&rows, format_of, ProblemFormat::Math) } else { format };
    for row in rows {
        match row.and_then(|row| problem(&row, format)) {
            Ok(problem) => read.rows.push(problem),
            Err(skipped) => read.skipped.push(skipped),
        }
    }
    read
}

/// The format a row has, or `Auto` if it fits none.
fn format_of(row: &Row<'_>) -> ProblemFormat {
    let answer = row.object.get("answer").and_then(Value::as_str).unwrap_or_default();
    match () {
        () if row.has("Body") && row.has("Question") => ProblemFormat::Svamp,
        () if row.has("final_answer") => ProblemFormat::OlympiadBench,
        () if row.has("ref_answer") => ProblemFormat::Pure,
        () if answer.contains(gsm8k::FINAL) => ProblemFormat::Gsm8k,
        () if row.has("problem") || row.has("question") => ProblemFormat::Math,
        () => ProblemFormat::Auto,
    }
}

fn problem(row: &Row<'_>, format: ProblemFormat) -> Result<Problem, Skipped> {
    match format {
        ProblemFormat::Auto => {
            Err(row.skipped(None, "has the fields of no known format; rename its fields to `question` and `answer`"))
        }
        ProblemFormat::Gsm8k => from_gsm8k(row),
        ProblemFormat::Svamp => from_svamp(row),
        ProblemFormat::Pure => from_pure(row, false),
        ProblemFormat::PureAllAnswers => from_pure(row, true),
        ProblemFormat::OlympiadBench => from_olympiad_bench(row),
        ProblemFormat::Math => from_math(row),
    }
}

/// Question, id and level under the usual names.
fn base(row: &Row<'_>) -> Result<Problem, Skipped> {
    let question = row.text(row.either(["question", "problem"]))?;
    let level = row.optional_text("level")?.map(|level| level.trim_start_matches("Level ").to_owned());
    let id = row.id(&["unique_id", "id", "idx"]);
    Ok(Problem { id, question, level, ..Problem::default() })
}

fn from_gsm8k(row: &Row<'_>) -> Result<Problem, Skipped> {
    let annotated = row.text("answer")?;
    let (solution, answer) = gsm8k::parts(&annotated);
    let missing = || row.skipped(Some("answer"), "has no final answer after `####`; add the line `#### answer`");
    let answer = Some(answer.ok_or_else(missing)?);
    let solution = Some(solution).filter(|solution| !solution.is_empty());
    Ok(Problem { answer, solution, annotated: Some(annotated), ..base(row)? })
}

/// Body and question make one text; a body without a full stop gets one, as the common harness does.
fn from_svamp(row: &Row<'_>) -> Result<Problem, Skipped> {
    let (body, question) = (row.text("Body")?, row.text("Question")?);
    let (body, question) = (body.trim(), question.trim());
    let stop = if body.ends_with('.') { "" } else { "." };
    row.value("Answer")?;
    Ok(Problem {
        id: row.id(&["ID"]),
        question: format!("{body}{stop} {question}"),
        answer: row.optional_text("Answer")?,
        ..Problem::default()
    })
}

fn from_pure(row: &Row<'_>, all_answers: bool) -> Result<Problem, Skipped> {
    let known = |field| Ok(row.optional_text(field)?.filter(|answer| answer != "null"));
    row.value("answer")?;
    let answer = match known("answer")? {
        None if all_answers => known("ref_answer")?,
        answer => answer,
    };
    Ok(Problem { answer, ..base(row)? })
}

fn from_olympiad_bench(row: &Row<'_>) -> Result<Problem, Skipped> {
    let mut problem = base(row)?;
    if let Some(context) = row.optional_text("context")? {
        problem.question = format!("{context}\n\n{}", problem.question);
    }
    let answers = row.texts("final_answer")?;
    let answers: Vec<&str> = answers.iter().map(|answer| answer.trim().trim_matches('$')).collect();
    problem.answer = Some(answers.join(", "));
    problem.solution = match row.object.get("solution") {
        Some(Value::Array(_)) => row.texts("solution")?.into_iter().next(),
        _ => row.optional_text("solution")?,
    };
    Ok(problem)
}

fn from_math(row: &Row<'_>) -> Result<Problem, Skipped> {
    let solution = row.optional_text("solution")?;
    let answer = match row.optional_text("answer")? {
        Some(answer) => Some(answer),
        None => solution.as_deref().and_then(extract_boxed),
    };
    Ok(Problem { answer, solution, ..base(row)? })
}
