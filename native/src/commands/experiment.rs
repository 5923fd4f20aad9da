//! `minform experiment`: arms × seeds in one folder, run in parts if need be.
//!
//! `seed-0/base` holds the policy and the reward model that all arms of a seed start from, `seed-0/ARM` one run each.
//! A run that is done says so in `done.json`; what is not done is run again from its start. Several processes may run
//! different seeds of one experiment. What the runs show together stands in `summary.csv`, `table.md` and `figures/`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use burn::tensor::Device;
use minform_core::config::Config;
use minform_core::demo::Demo;
use minform_core::experiment::{Arm, Experiment};
use serde_json::json;

use super::demo::save;
use crate::cli;
use crate::folder::{Folder, write_file};
use crate::origin::{Origin, changed_keys};
use crate::results::{self, DONE};
use crate::run::{Run, was_stopped};
use crate::{device, output, settings};

/// Folder of what all arms of a seed start from.
const BASE: &str = "base";

pub(crate) fn run(options: &cli::Experiment) -> Result<()> {
    let experiment = options.name.experiment();
    let config = Config { seed: 0, ..settings::load(&experiment.settings(), &options.common)? };
    let arms = chosen(experiment, options)?;
    let device = device::choose(&options.common.device, config.dtype)?.autodiff();
    let matrix = Matrix { options, config, device };
    matrix.prepare()?;
    for (seed, arm) in options.seeds().flat_map(|seed| arms.iter().map(move |arm| (seed, arm))) {
        if !matrix.is_done(seed, arm.name) {
            let done = matrix.base(seed).and_then(|()| matrix.arm(seed, arm));
            if done.as_ref().is_err_and(was_stopped) {
                eprintln!("stopped; runs that are done are kept, the same command with --resume begins this one again");
            }
            done?;
            results::write(&options.out, experiment)?;
        }
    }
    let table = results::write(&options.out, experiment)?;
    eprintln!("± is half of the 95 % interval over seeds");
    match options.common.json {
        true => output::line(json!({ "summary": options.out.join("summary.csv") })),
        false => output::line(table.trim_end()),
    }
}

fn chosen(experiment: Experiment, options: &cli::Experiment) -> Result<Vec<&'static Arm>> {
    let names: Vec<&str> = experiment.arms().iter().map(|arm| arm.name).collect();
    if let Some(unknown) = options.arm.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("no arm {unknown:?}; there are {}", names.join(", "));
    }
    Ok(experiment.arms().iter().filter(|arm| options.takes(arm.name)).collect())
}

struct Matrix<'a> {
    options: &'a cli::Experiment,
    config: Config,
    device: Device,
}

impl Matrix<'_> {
    /// Refuses to mix runs of different settings in one folder.
    fn prepare(&self) -> Result<()> {
        let out = &self.options.out;
        if !settings::is_kept(out) {
            return settings::keep(&self.config, out);
        }
        if !self.options.resume {
            bail!(
                "{} already holds an experiment; pass --resume to go on with it, or choose another --out",
                out.display()
            );
        }
        let changed = changed_keys(&settings::kept(out)?, &self.config)?;
        if !changed.is_empty() {
            bail!("{} was begun with other settings: {}", out.display(), changed.join(", "));
        }
        Ok(())
    }

    fn folder(&self, seed: u64, name: &str) -> PathBuf {
        self.options.out.join(format!("seed-{seed}")).join(name)
    }

    fn is_done(&self, seed: u64, name: &str) -> bool {
        self.folder(seed, name).join(DONE).exists()
    }

    fn seeded(&self, config: &Config, seed: u64) -> Config {
        Config { seed, ..config.clone() }
    }

    /// The policy and the reward model of a seed, unless they are there.
    fn base(&self, seed: u64) -> Result<()> {
        if self.is_done(seed, BASE) {
            return Ok(());
        }
        eprintln!("== seed {seed}, policy and reward model");
        let config = self.seeded(&self.config, seed);
        let mut demo = Demo::new(&config, &self.device)?;
        self.record(seed, BASE, &config, |run| {
            pollster::block_on(async {
                demo.fine_tune(&mut |event| run.hear(event)).await?;
                demo.learn_prm(&mut |event| run.hear(event)).await
            })?;
            Ok(())
        })?;
        save(&demo, &self.folder(seed, BASE))?;
        self.done(seed, BASE)
    }

    /// One run.
    fn arm(&self, seed: u64, arm: &Arm) -> Result<()> {
        eprintln!("== seed {seed}, {}", arm.title);
        let config = self.seeded(&arm.apply(&self.config), seed);
        let base = self.folder(seed, BASE);
        let mut demo = Demo::new(&config, &self.device)?;
        demo.policy = Folder::open(&base.join("policy"))?.policy(&self.device)?;
        demo.prm = Some(Folder::open(&base.join("prm"))?.prm(&self.device)?);
        self.record(seed, arm.name, &config, |run| {
            Ok(pollster::block_on(demo.train_arm(&mut |event| run.hear(event)))?)
        })?;
        let folder = Folder::new(demo.policy.config.clone(), demo.tokenizer().clone())?;
        folder.save(&self.folder(seed, arm.name).join("policy"), &demo.policy.config, demo.policy.to_safetensors()?)?;
        self.done(seed, arm.name)
    }

    fn record(&self, seed: u64, name: &str, config: &Config, work: impl FnOnce(&mut Run) -> Result<()>) -> Result<()> {
        let origin = Origin::new("experiment", config, &self.options.common.device, BTreeMap::new())?;
        let mut run = Run::create(&origin, config, &self.folder(seed, name), true)?;
        let result = work(&mut run);
        run.finish()?;
        eprintln!("{:.0} s", run.seconds());
        result
    }

    fn done(&self, seed: u64, name: &str) -> Result<()> {
        write_file(&self.folder(seed, name).join(DONE), b"{}\n")
    }
}
