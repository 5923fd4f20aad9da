//! `minform prm eval`: process reward models on the benchmarks of the field.

mod choices;
mod prm_bench;
mod process_bench;

use std::path::Path;

use anyhow::Result;
use minform_text::data::StepRow;
use minform_text::mathematics::without_language;

use super::problems::load_steps;
use super::scoring::Scorer;
use crate::cli::{Benchmark, PrmEval};
use crate::folder::read;
use crate::run::Run;

pub(crate) fn run(options: &PrmEval) -> Result<()> {
    let scorer = Scorer::open(&options.common, &options.model, &options.reading)?;
    let mut run = Run::without_folder("prm eval", &scorer.config);
    let judged = match options.benchmark {
        Benchmark::Processbench => process_bench::run(options, &scorer, &mut run),
        Benchmark::Prmbench => prm_bench::run(options, &scorer, &mut run),
        Benchmark::Bon => choices::best_of_n(options, &scorer, &mut run),
        Benchmark::Rewardmath => choices::ranking(options, &scorer, &mut run),
    };
    run.finish()?;
    judged
}

/// The rows of a file, without words where that is wished.
fn rows_of(options: &PrmEval, path: &Path) -> Result<Vec<StepRow>> {
    let mut rows = load_steps(&path.display().to_string(), &read(path)?, options.rows)?;
    if options.strip_language {
        rows.iter_mut().flat_map(|row| &mut row.steps).for_each(|step| *step = without_language(step));
    }
    Ok(rows)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn percent(share: Option<f32>) -> String {
    share.map_or("n/a".into(), |share| format!("{:.1}", 100.0 * share))
}
