//! Step scores of rows from files: what `prm score` and `prm eval` share.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail};
use burn::tensor::Device;
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::policy::Policy;
use minform_core::prm::{self, Scale, ScoredSolution, StepScorer};
use minform_text::data::{Skipped, StepRow};
use minform_text::layout::{Layout, PrmFamily};
use minform_text::mathematics::without_language;
use minform_text::steps::PrmInput;

use crate::cli::{Common, Reading};
use crate::folder::Folder;
use crate::run::Run;
use crate::{device, settings};

/// A process reward model of any family, ready to score.
pub(super) struct Scorer {
    pub(super) config: Config,
    model: Box<dyn StepScorer>,
    layout: Layout,
    threshold: f32,
    /// Whether steps are scored without their words.
    strips_language: bool,
}

/// A row of a file, or why it could not be read.
pub(super) type Read = std::result::Result<StepRow, Skipped>;

/// What the model reads of a row, or why it cannot.
pub(super) type Input = std::result::Result<PrmInput, String>;

/// A row with the scores of its steps, or why there are none.
pub(super) type Scored = std::result::Result<ScoredSolution, String>;

impl Scorer {
    pub(super) fn open(common: &Common, path: &Path, reading: &Reading) -> Result<Self> {
        let config = settings::load(&Config::default(), common)?;
        let device = device::choose(&common.device, config.dtype)?;
        let folder = Folder::open(path)?;
        let given = reading.family.map(crate::cli::Family::family);
        let storage = settings::storage(&config, reading.stored);
        let (folder, layout, model) = match &reading.adapter {
            Some(adapter) => {
                let (folder, prm) = folder.with_adapter(adapter, &device)?;
                let layout = folder.layout(given.unwrap_or(PrmFamily::Pure))?;
                if layout.family() != PrmFamily::Pure || reading.reference.is_some() {
                    bail!("--adapter goes with models of the family pure, and without --reference");
                }
                let model: Box<dyn StepScorer> = Box::new(prm.for_inference(storage));
                (folder, layout, model)
            }
            None => {
                let layout = folder.layout(folder.family(given)?)?;
                let reference = match (layout.family(), &reading.reference) {
                    (PrmFamily::Implicit, Some(other)) => {
                        Some((reference(&folder, path, other, &device)?, reading.beta))
                    }
                    (PrmFamily::Implicit, None) => bail!("implicit reward models need --reference"),
                    (family, Some(_)) => {
                        bail!("--reference goes with implicit reward models; this is a {} one", family.name())
                    }
                    (_, None) => None,
                };
                let model = folder.scorer(&layout, reference, storage, &device)?;
                (folder, layout, model)
            }
        };
        // A threshold that was found is one on PURE's scale.
        let own = folder.config.threshold.filter(|_| layout.family() == PrmFamily::Pure);
        let threshold = config.prm.threshold.or(own).unwrap_or(model.scale().middle());
        Ok(Self { threshold, model, layout, config, strips_language: false })
    }

    /// Scoring steps without their words, if `strips` says so.
    pub(super) fn stripping_language(self, strips: bool) -> Self {
        Self { strips_language: strips, ..self }
    }

    /// The score below which a step is wrong: given, or the model's own, or the middle of its scale.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    pub(super) fn scale(&self) -> Scale {
        self.model.scale()
    }

    pub(super) fn family(&self) -> PrmFamily {
        self.layout.family()
    }

    /// Tokens that the model can read at once.
    pub(super) fn context(&self) -> usize {
        self.model.config().max_position_embeddings
    }

    /// The scores of inputs that fit the context.
    pub(super) fn scores(&self, inputs: &[PrmInput]) -> Result<Vec<Vec<f32>>> {
        let budget = self.config.prm.micro_batch_tokens;
        Ok(pollster::block_on(prm::score(&*self.model, inputs, budget, &mut |_| true))?)
    }

    /// Scores every row; one that cannot be laid out or does not fit the model's context is passed over with the reason.
    pub(super) fn score(&self, run: &mut Run, rows: &[StepRow]) -> Result<Vec<Scored>> {
        let rows: Vec<Read> = rows.iter().cloned().map(Ok).collect();
        let mut all = Vec::with_capacity(rows.len());
        self.score_in_pieces(run, &rows, &BTreeSet::new(), &mut |_, _, mut piece| {
            all.append(&mut piece);
            Ok(())
        })?;
        Ok(all)
    }

    /// The same piece by piece, so that what is done is not lost when the rest is stopped: but for the pieces that are
    /// `known`, `told` hears the number of each, which rows are in it, and what came out.
    pub(super) fn score_in_pieces(
        &self,
        run: &mut Run,
        rows: &[Read],
        known: &BTreeSet<usize>,
        told: &mut dyn FnMut(usize, Range<usize>, Vec<Scored>) -> Result<()>,
    ) -> Result<()> {
        let phase = Phase::Score;
        let _ = run.hear(Event::PhaseStarted { phase, total: rows.len() });
        let (mut done, mut read, mut strange) = (0, 0, 0);
        for number in 0.. {
            let inputs = self.piece(&rows[done..]);
            if inputs.is_empty() {
                break;
            }
            let place = done..done + inputs.len();
            strange += inputs.iter().flatten().filter(|input| self.layout.unknown_in(input) > 0).count();
            if !known.contains(&number) {
                let fitting: Vec<PrmInput> = inputs.iter().filter_map(|input| input.clone().ok()).collect();
                let tokens: usize = fitting.iter().map(|input| input.ids.len()).sum();
                let (mut scored, total) = (0, fitting.len().max(1));
                let mut heard = |count: usize| {
                    scored += count;
                    let tokens = read + tokens * scored / total;
                    run.hear(Event::Progress { phase, done: done + scored, tokens }).is_continue()
                };
                let work = prm::score(&*self.model, &fitting, self.config.prm.micro_batch_tokens, &mut heard);
                let scores = pollster::block_on(work)?;
                told(number, place.clone(), self.put_together(&rows[place.clone()], inputs, scores))?;
                read += tokens;
            }
            done = place.end;
        }
        let _ = run.hear(Event::PhaseFinished { phase, tokens: read });
        if strange > 0 {
            let message = format!(
                "{strange} of {} solutions hold words that the model has no token for; their scores mean little",
                rows.len()
            );
            let _ = run.hear(Event::Warning { message });
        }
        Ok(())
    }

    /// Rows with the scores of those that have an input, in their order.
    pub(super) fn put_together(&self, rows: &[Read], inputs: Vec<Input>, scores: Vec<Vec<f32>>) -> Vec<Scored> {
        let mut scores = scores.into_iter();
        let one = |(row, input): (&Read, Input)| {
            let scores = input.map(|_| scores.next().unwrap_or_default())?;
            let steps = row.as_ref().map_or(Vec::new(), |row| row.steps.clone());
            Ok(ScoredSolution { steps, scores, scale: self.scale() })
        };
        rows.iter().zip(inputs).map(one).collect()
    }

    /// The inputs of the first rows, as many as hold a few passes: enough to find some of like length.
    fn piece(&self, rows: &[Read]) -> Vec<Input> {
        const PASSES: usize = 32;
        let budget = PASSES * self.config.prm.micro_batch_tokens;
        let mut tokens = 0;
        let mut inputs = Vec::new();
        for row in rows {
            let input = self.input(row);
            tokens += input.as_ref().map_or(0, |input| input.ids.len());
            if tokens > budget && !inputs.is_empty() {
                break;
            }
            inputs.push(input);
        }
        inputs
    }

    /// What the model reads of a row, or why it cannot.
    pub(super) fn input(&self, row: &Read) -> Input {
        let row = row.as_ref().map_err(ToString::to_string)?;
        let context = self.context();
        let stripped: Vec<String>;
        let steps = match self.strips_language {
            true => {
                stripped = row.steps.iter().map(|step| without_language(step)).collect();
                &stripped
            }
            false => &row.steps,
        };
        let input = self.layout.input(&row.problem, steps).map_err(|error| error.to_string())?;
        match input.ids.len() > context {
            true => Err(format!("{} tokens, but the model's context holds {context}", input.ids.len())),
            false => Ok(input),
        }
    }
}

/// The model that an implicit reward model is compared with.
fn reference(folder: &Folder, path: &Path, other: &Path, device: &Device) -> Result<Policy> {
    let reference = Folder::open(other)?;
    if !reference.reads_as(folder)? {
        bail!("{} and {} have different tokenizers", other.display(), path.display());
    }
    if path.canonicalize().ok() == other.canonicalize().ok() {
        bail!("--reference {} is the reward model itself; give the model it was trained from", other.display());
    }
    reference.policy(device)
}

/// What could not be scored, file by file.
#[derive(Debug, Default)]
pub(super) struct Failures {
    failed: usize,
    all: usize,
    first: Option<String>,
}

impl Failures {
    /// Counts those of a file, warns of them, and gives their number.
    pub(super) fn add(&mut self, what: &str, scored: &[Scored]) -> usize {
        let mut reasons = scored.iter().filter_map(|one| one.as_ref().err());
        self.all += scored.len();
        let Some(first) = reasons.next() else { return 0 };
        let failed = 1 + reasons.count();
        eprintln!("warning: {failed} of {} solutions of {what} could not be scored; the first: {first}", scored.len());
        self.failed += failed;
        self.first.get_or_insert_with(|| first.clone());
        failed
    }

    /// Refuses to make a result of nothing.
    pub(super) fn check(&self) -> Result<()> {
        match &self.first {
            Some(first) if self.failed == self.all => {
                bail!("none of {} solutions could be scored; the first: {first}", self.all)
            }
            _ => Ok(()),
        }
    }
}
