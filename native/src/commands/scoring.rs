//! Step scores of rows from files: what `prm score` and `prm eval` share.

use std::path::Path;

use anyhow::Result;
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::prm::{self, Prm};
use minform_text::data::StepRow;
use minform_text::steps::{PrmInput, newline_id};
use minform_text::tokenizer::Tokenizer;

use crate::cli::Common;
use crate::folder::Folder;
use crate::run::Run;
use crate::{device, settings};

/// A process reward model ready to score.
pub(super) struct Scorer {
    pub(super) config: Config,
    model: Prm,
    tokenizer: Tokenizer,
    newline: u32,
}

/// The scores of a row's steps, or why there are none.
pub(super) type Scored = std::result::Result<Vec<f32>, String>;

impl Scorer {
    pub(super) fn open(common: &Common, path: &Path) -> Result<Self> {
        let config = settings::load(&Config::default(), common)?;
        let device = device::choose(&common.device)?;
        let folder = Folder::open(path)?;
        let newline = newline_id(&folder.tokenizer)?;
        Ok(Self { model: folder.prm(&device)?.frozen(), tokenizer: folder.tokenizer, newline, config })
    }

    /// Scores every row; one that does not fit the model's context is passed over with the reason.
    pub(super) fn score(&self, run: &mut Run, rows: &[StepRow]) -> Result<Vec<Scored>> {
        let context = self.model.config.max_position_embeddings;
        let inputs: Vec<std::result::Result<PrmInput, String>> =
            rows.iter().map(|row| self.input(row, context)).collect();
        let fitting: Vec<PrmInput> = inputs.iter().filter_map(|input| input.clone().ok()).collect();
        let tokens: usize = fitting.iter().map(|input| input.ids.len()).sum();
        let phase = Phase::Score;
        let _ = run.hear(Event::PhaseStarted { phase, total: fitting.len() });
        let (mut done, total) = (0, fitting.len().max(1));
        let mut heard = |count: usize| {
            done += count;
            run.hear(Event::Progress { phase, done, tokens: tokens * done / total }).is_continue()
        };
        let work = prm::score(&self.model, &fitting, self.config.prm.micro_batch_tokens, &mut heard);
        let mut scores = pollster::block_on(work)?.into_iter();
        let _ = run.hear(Event::PhaseFinished { phase, tokens });
        let scored = inputs.into_iter().map(|input| input.map(|_| scores.next().unwrap_or_default()));
        Ok(scored.collect())
    }

    fn input(&self, row: &StepRow, context: usize) -> std::result::Result<PrmInput, String> {
        let input = PrmInput::from_texts(&self.tokenizer, &row.problem, &row.steps, self.newline);
        let input = input.map_err(|error| error.to_string())?;
        match input.ids.len() > context {
            true => Err(format!("{} tokens, but the model's context holds {context}", input.ids.len())),
            false => Ok(input),
        }
    }
}
