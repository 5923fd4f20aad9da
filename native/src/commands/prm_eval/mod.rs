//! `minform prm eval`: process reward models on the benchmarks of the field.

mod choices;
mod prm_bench;
mod process_bench;

use std::path::Path;

use anyhow::{Result, bail};
use minform_text::data::StepRow;

use super::problems::load_steps;
use super::scoring::Scorer;
use crate::cli::{Benchmark, PrmEval};
use crate::parquet::read_rows;
use crate::run::Run;

pub(crate) fn run(options: &PrmEval) -> Result<()> {
    if options.figure.is_some() && options.benchmark != Benchmark::Bon {
        bail!("--figure draws the curves of bon; leave it out for other benchmarks");
    }
    let scorer = Scorer::open(&options.common, &options.model, &options.reading)?;
    let scorer = scorer.stripping_language(options.strip_language);
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

fn rows_of(options: &PrmEval, path: &Path) -> Result<Vec<StepRow>> {
    load_steps(&path.display().to_string(), &read_rows(path)?, options.rows)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn percent(share: Option<f32>) -> String {
    share.map_or("n/a".into(), |share| format!("{:.1}", 100.0 * share))
}
