//! `minform demo`: the whole story on the embedded world, in one command.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use minform_core::Result as CoreResult;
use minform_core::demo::{Demo, settings};
use minform_core::event::{Evaluation, PrmQuality};
use serde::Serialize;

use crate::cli;
use crate::folder::Folder;
use crate::origin::Origin;
use crate::run::Run;
use crate::{device, output, settings as options_of};

/// What the demo found.
struct Findings {
    base: Evaluation,
    last: Evaluation,
    prm: PrmQuality,
    prm_on_last: PrmQuality,
}

/// The last line of `--json`. Accuracies without "greedy" are sampled as in training.
#[derive(Debug, Serialize)]
struct Summary {
    base_accuracy: f32,
    final_accuracy: f32,
    base_accuracy_greedy: f32,
    final_accuracy_greedy: f32,
    prm_auc: Option<f32>,
    prm_first_error_f1: Option<f32>,
    prm_auc_final_policy: Option<f32>,
    problems: usize,
    seconds: f64,
}

pub(crate) fn run(options: &cli::Demo) -> Result<()> {
    let config = options_of::load(&settings(options.quick), &options.common)?;
    let device = device::choose(&options.common.device, config.dtype)?.autodiff();
    let mut demo = Demo::new(&config, &device)?;
    let origin = Origin::new("demo", &config, &options.common.device, BTreeMap::new())?;
    let mut run = Run::create(&origin, &config, &options.out, options.overwrite)?;
    let result = pollster::block_on(story(&mut demo, &mut run, config.rl.updates));
    save(&demo, &options.out)?;
    run.finish()?;
    if result.is_err() {
        eprintln!("the models so far are in {}", options.out.display());
    }
    let findings = result?;
    print(&findings, &run, options)
}

async fn story(demo: &mut Demo, run: &mut Run, updates: usize) -> CoreResult<Findings> {
    demo.fine_tune(&mut |event| run.hear(event)).await?;
    let base = demo.evaluate("base", 0, &mut |event| run.hear(event)).await?;
    let prm = demo.learn_prm(&mut |event| run.hear(event)).await?;
    demo.reinforce(&mut |event| run.hear(event)).await?;
    let last = demo.evaluate("final", updates, &mut |event| run.hear(event)).await?;
    let prm_on_last = demo.judge_present_policy(&mut |event| run.hear(event)).await?;
    Ok(Findings { base, last, prm, prm_on_last })
}

/// Saves the models that exist, also after Ctrl-C.
pub(super) fn save(demo: &Demo, out: &Path) -> Result<()> {
    let folder = Folder::new(demo.policy.config.clone(), demo.tokenizer().clone())?;
    folder.save(&out.join("policy"), &demo.policy.config, demo.policy.to_safetensors()?)?;
    if let Some(prm) = &demo.prm {
        folder.save(&out.join("prm"), &prm.config, prm.to_safetensors()?)?;
    }
    Ok(())
}

fn print(findings: &Findings, run: &Run, options: &cli::Demo) -> Result<()> {
    let Findings { base, last, prm, prm_on_last } = findings;
    if options.common.json {
        let summary = Summary {
            base_accuracy: base.sampled,
            final_accuracy: last.sampled,
            base_accuracy_greedy: base.greedy,
            final_accuracy_greedy: last.greedy,
            prm_auc: prm.auc,
            prm_first_error_f1: prm.first_error_f1,
            prm_auc_final_policy: prm_on_last.auc,
            problems: last.problems,
            seconds: run.seconds(),
        };
        output::line(serde_json::to_string(&summary)?)?;
        return Ok(());
    }
    let percent = |share: f32| format!("{:.1} %", share * 100.0);
    let figure = |value: Option<f32>| value.map_or("n/a".into(), |value| format!("{value:.3}"));
    output::line(format_args!("\n{:<34} {:>10} {:>10}", "held-out problems", "base", "after RL"))?;
    output::line(format_args!(
        "{:<34} {:>10} {:>10}",
        "  accuracy, sampled as in training",
        percent(base.sampled),
        percent(last.sampled)
    ))?;
    output::line(format_args!(
        "{:<34} {:>10} {:>10}",
        "  accuracy, greedy",
        percent(base.greedy),
        percent(last.greedy)
    ))?;
    output::line(format_args!("{:<34} {:>10.2} {:>10.2}", "  steps", base.steps, last.steps))?;
    output::line(format_args!(
        "{:<34} {:>10} {:>10}",
        "PRM step AUC on samples of",
        figure(prm.auc),
        figure(prm_on_last.auc)
    ))?;
    output::line(format_args!(
        "{:<34} {:>10} {:>10}",
        "PRM first-error F1 on samples of",
        figure(prm.first_error_f1),
        figure(prm_on_last.first_error_f1)
    ))?;
    output::line(format_args!("\n{:<34} {:>10} {:>10}", "time", "seconds", "tokens/s"))?;
    for (phase, spent) in run.spent() {
        output::line(format_args!("  {:<32} {:>10.1} {:>10.0}", phase.title(), spent.seconds, spent.rate()))?;
    }
    output::line(format_args!("  {:<32} {:>10.1}", "whole", run.seconds()))?;
    output::line(format_args!("\nreport: {}", options.out.join("report.html").display()))?;
    Ok(())
}
