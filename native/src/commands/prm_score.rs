//! `minform prm score`: every step of every solution.

use std::io::{Read as _, Write as _};
use std::iter::Peekable;
use std::slice;

use anyhow::{Context as _, Result, bail};
use minform_core::event::Event;
use minform_core::prm::{self, Aggregates, ScoredSolution};
use minform_text::data::{Skipped, StepFormat, StepRow, read_each};
use serde::Serialize;

use super::scoring::{Scored, Scorer};
use crate::cli::PrmScore;
use crate::folder::{refuse_present, write_file};
use crate::parquet::read_rows;
use crate::run::Run;

/// One output row.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    problem: &'a str,
    steps: &'a [String],
    /// The family that the scores are of.
    family: &'static str,
    /// One score per step.
    scores: &'a [f32],
    /// Index of the first step below the threshold, −1 if there is none.
    first_error: i64,
    #[serde(flatten)]
    aggregates: Aggregates,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

/// The output of a row that could not be read or scored.
#[derive(Debug, Serialize)]
struct Failed<'a> {
    id: &'a str,
    /// Why not.
    error: &'a str,
}

pub(crate) fn run(options: &PrmScore) -> Result<()> {
    if let Some(out) = &options.out {
        refuse_present(&[out], options.overwrite)?;
    }
    let scorer = Scorer::open(&options.common, &options.prm, &options.reading)?;
    let input = input(options)?;
    let rows: Vec<StepRow> = input.iter().filter_map(|row| row.clone().ok()).collect();
    let mut run = Run::without_folder("prm score", &scorer.config);
    let mut output = Output { input: input.iter().peekable(), text: String::new(), failed: 0, written: 0 };
    let mut scored = Vec::with_capacity(rows.len());
    let result = scorer.score_in_parts(&mut run, &rows, &mut |mut part| {
        part.iter().try_for_each(|one| output.add(one, &scorer))?;
        scored.append(&mut part);
        output.flush(options)
    });
    match result {
        Ok(()) => output.add_failed()?,
        Err(error) => {
            // What is done is worth keeping.
            run.finish()?;
            output.end(options)?;
            eprintln!("{} of {} rows were written before this", output.written, input.len());
            return Err(error);
        }
    }
    report_quality(&mut run, &rows, &scored, &scorer);
    run.finish()?;
    output.flush(options)?;
    output.end(options)?;
    match output.failed {
        0 => Ok(()),
        failed => bail!("{failed} of {} rows could not be scored; `error` in their output says why", input.len()),
    }
}

/// Every row of the input, or what is wrong with it.
fn input(options: &PrmScore) -> Result<Vec<std::result::Result<StepRow, Skipped>>> {
    let (name, bytes) = match &options.data {
        Some(path) => (path.display().to_string(), read_rows(path)?),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            ("standard input".into(), bytes)
        }
    };
    let mut rows = read_each(&name, &bytes, StepFormat::Auto);
    // The format is that of the file, but a row of another that has problem and steps can be scored all the same.
    let plain = read_each(&name, &bytes, StepFormat::Unjudged);
    if plain.len() == rows.len() {
        let scored = |(row, plain): (std::result::Result<_, Skipped>, std::result::Result<_, Skipped>)| {
            row.or_else(|skipped| plain.map_err(|_| skipped))
        };
        rows = rows.into_iter().zip(plain).map(scored).collect();
    }
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
fn report_quality(run: &mut Run, rows: &[StepRow], scored: &[Scored], scorer: &Scorer) {
    let of = |(row, scored): (&StepRow, &Scored)| Some((scored.as_ref().ok()?.scores.clone(), row.labels.clone()));
    let known = rows.iter().zip(scored).filter_map(of);
    let (scores, labels): (Vec<Vec<f32>>, Vec<Vec<Option<bool>>>) = known.unzip();
    if labels.iter().flatten().any(Option::is_some) {
        let quality = prm::quality("the labelled input", &scores, &labels, scorer.threshold(), scorer.scale());
        let _ = run.hear(Event::PrmQuality(quality));
    }
}

/// The rows of the output, in the order of the input.
struct Output<'a> {
    /// What is still to come.
    input: Peekable<slice::Iter<'a, std::result::Result<StepRow, Skipped>>>,
    /// What is not yet on standard output, or everything for a file.
    text: String,
    written: usize,
    failed: usize,
}

impl Output<'_> {
    /// The next row that could be read, with those before it that could not.
    fn add(&mut self, scored: &Scored, scorer: &Scorer) -> Result<()> {
        self.add_failed()?;
        let Some(Ok(row)) = self.input.next() else { return Ok(()) };
        match scored {
            Ok(solution) => self.line(&Row::new(row, solution, scorer)),
            Err(error) => {
                self.failed += 1;
                self.line(&Failed { id: &row.id, error })
            }
        }
    }

    /// The next rows, as far as they could not be read.
    fn add_failed(&mut self) -> Result<()> {
        while let Some(Err(skipped)) = self.input.next_if(|row| row.is_err()) {
            self.failed += 1;
            self.line(&Failed { id: &skipped.id, error: &skipped.to_string() })?;
        }
        Ok(())
    }

    fn line(&mut self, row: &impl Serialize) -> Result<()> {
        self.text += &serde_json::to_string(row)?;
        self.text.push('\n');
        self.written += 1;
        Ok(())
    }

    /// Writes what there is to standard output; a file is written as a whole.
    fn flush(&mut self, options: &PrmScore) -> Result<()> {
        if options.out.is_none() {
            let mut output = std::io::stdout().lock();
            output
                .write_all(self.text.as_bytes())
                .and_then(|()| output.flush())
                .context("cannot write to standard output")?;
            self.text.clear();
        }
        Ok(())
    }

    /// Writes the file.
    fn end(&self, options: &PrmScore) -> Result<()> {
        options.out.as_ref().map_or(Ok(()), |path| write_file(path, self.text.as_bytes()))
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a StepRow, solution: &'a ScoredSolution, scorer: &Scorer) -> Self {
        Self {
            id: &row.id,
            problem: &row.problem,
            steps: &solution.steps,
            family: scorer.family().name(),
            scores: &solution.scores,
            first_error: solution.first_error(scorer.threshold()),
            aggregates: solution.aggregates(),
            label: row.first_error,
        }
    }
}
