//! `minform prm score`: every step of every solution.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use minform_core::event::Event;
use minform_core::prm;
use minform_text::data::read_mixed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::scored_row::ScoredRow;
use super::scoring::{Read, Scored, Scorer};
use crate::cli::{PrmScore, Shard};
use crate::folder::{read, refuse_present};
use crate::origin::{fingerprint, sha256};
use crate::parquet::read_rows;
use crate::part::Part;
use crate::run::Run;

pub(crate) fn run(options: &PrmScore) -> Result<()> {
    let input = shard_of(input(options)?, options.shard);
    if let Some(out) = options.out.as_ref().filter(|_| !options.resume) {
        refuse_present(&[out], options.overwrite)?;
    }
    let scorer = Scorer::open(&options.common, &options.prm, &options.reading)?;
    let mut part: Option<Part<Done>> = match &options.out {
        Some(out) => match Part::open(out, options.resume, options.overwrite, &told(options, &input, &scorer)?)? {
            Some(part) => Some(part),
            None => return complete(out),
        },
        None => None,
    };
    let known = part.as_ref().map(Part::pieces).unwrap_or_default();
    let mut run = Run::without_folder("prm score", &scorer.config);
    let mut shown = Vec::new();
    let result = scorer.score_in_pieces(&mut run, &input, &known, &mut |number, place, scored| {
        let done = Done::new(&input[place], &scored, &scorer)?;
        match &mut part {
            Some(part) => part.add(number, done),
            None => {
                show(&done.text)?;
                shown.push(done);
                Ok(())
            }
        }
    });
    let done: Vec<&Done> = part.as_ref().map_or_else(|| shown.iter().collect(), |part| part.done().collect());
    let text: String = done.iter().map(|done| done.text.as_str()).collect();
    if let Err(error) = result {
        run.finish()?;
        let how = if part.is_some() { "; --resume goes on with the rest" } else { "" };
        eprintln!("{} of {} rows are scored{how}", text.lines().count(), input.len());
        return Err(error);
    }
    report_quality(&mut run, &input, &text, &scorer);
    run.finish()?;
    let failed = done.iter().map(|done| done.failed).sum();
    if text.lines().count() != input.len() {
        bail!("the rows that were scored before are not those of now; begin again with --overwrite");
    }
    part.map_or(Ok(()), |part| part.finish(&text))?;
    outcome(failed, input.len())
}

fn outcome(failed: usize, rows: usize) -> Result<()> {
    match failed {
        0 => Ok(()),
        failed => bail!("{failed} of {rows} rows could not be scored; `error` in their output says why"),
    }
}

/// The output of some rows.
#[derive(Debug, Serialize, Deserialize)]
struct Done {
    /// A line per row.
    text: String,
    /// Rows that could not be read or scored.
    failed: usize,
}

impl Done {
    fn new(rows: &[Read], scored: &[Scored], scorer: &Scorer) -> Result<Self> {
        let (mut text, mut failed) = (String::new(), 0);
        for (row, scored) in rows.iter().zip(scored) {
            let row = ScoredRow::new(row, scored, scorer);
            failed += usize::from(row.has_failed());
            text += &serde_json::to_string(&row)?;
            text.push('\n');
        }
        Ok(Self { text, failed })
    }
}

/// The rows of one of several parts, in one piece and cut between problems, so that the solutions of one stay together.
fn shard_of(rows: Vec<Read>, shard: Option<Shard>) -> Vec<Read> {
    let Some(Shard { index, count }) = shard else { return rows };
    let problem = |row: usize| rows.get(row).and_then(|row| row.as_ref().ok()).map(|row| &row.problem);
    let is_inside = |row: usize| row > 0 && problem(row).is_some() && problem(row) == problem(row - 1);
    let bound =
        |shard: usize| (shard * rows.len() / count..rows.len()).find(|row| !is_inside(*row)).unwrap_or(rows.len());
    rows[bound(index - 1)..bound(index)].to_vec()
}

/// What decides on the output, so that a stopped command goes on with the same.
fn told(options: &PrmScore, input: &[Read], scorer: &Scorer) -> Result<Value> {
    let print = |path: &Option<PathBuf>| path.as_deref().map(fingerprint).transpose();
    let row = |row: &Read| match row {
        Ok(row) => json!([row.id, row.problem, row.steps]).to_string(),
        Err(skipped) => skipped.to_string(),
    };
    let rows: String = input.iter().map(row).collect::<Vec<_>>().join("\n");
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"), "model": fingerprint(&options.prm)?,
        "adapter": print(&options.reading.adapter)?, "reference": print(&options.reading.reference)?,
        "beta": options.reading.beta, "family": scorer.family().name(), "threshold": scorer.threshold(),
        "rows": sha256(rows.as_bytes()), "micro_batch_tokens": scorer.config.prm.micro_batch_tokens,
        "dtype": scorer.config.dtype, "quantize": options.reading.stored.quantize.map(|bits| format!("{bits:?}")),
    }))
}

/// Says that nothing is left to do, and what came out.
fn complete(out: &Path) -> Result<()> {
    eprintln!("{} is complete; nothing is left to do", out.display());
    let bytes = read(out)?;
    let lines: Vec<Value> =
        bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    outcome(lines.iter().filter(|line| line.get("error").is_some()).count(), lines.len())
}

/// Writes to standard output at once.
fn show(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).context("cannot write to standard output")
}

/// Every row of the input, or what is wrong with it.
fn input(options: &PrmScore) -> Result<Vec<Read>> {
    let (name, bytes) = match &options.data {
        Some(path) => (path.display().to_string(), read_rows(path)?),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            ("standard input".into(), bytes)
        }
    };
    let mut rows = read_mixed(&name, &bytes);
    rows.truncate(options.rows.limit.unwrap_or(usize::MAX));
    if let Some(Err(skipped)) = rows.iter().find(|row| options.rows.strict && row.is_err()) {
        return Err(skipped.clone().into());
    }
    match rows.is_empty() {
        true => bail!("{name} holds no row"),
        false => Ok(rows),
    }
}

/// Where the rows carry labels, tells how well the scores match them.
fn report_quality(run: &mut Run, input: &[Read], text: &str, scorer: &Scorer) {
    let of = |(row, line): (&Read, &str)| {
        let row = row.as_ref().ok()?;
        let line: Value = serde_json::from_str(line).ok()?;
        let scores =
            line["scores"].as_array()?.iter().map(|score| score.as_f64().map_or(f32::NAN, |score| score as f32));
        Some((scores.collect(), row.labels.clone()))
    };
    let (scores, labels): (Vec<Vec<f32>>, Vec<Vec<Option<bool>>>) =
        input.iter().zip(text.lines()).filter_map(of).unzip();
    if labels.iter().flatten().any(Option::is_some) {
        let quality = prm::quality("the labelled input", &scores, &labels, scorer.threshold(), scorer.scale());
        let _ = run.hear(Event::PrmQuality(quality));
    }
}
