//! Scores of one solution while it is being written or edited.

use burn::tensor::{Int, Tensor, TensorData};
use minform_credit::step_score;
use minform_text::steps::PrmInput;

use super::Prm;
use crate::model::{Cache, Frame, Rope};
use crate::read::read;
use crate::{Error, Result};

/// Tokens of one forward pass: large enough to keep a device busy, small enough to stop soon.
const PASS: usize = 64;

/// The columns of the cache that a pass reads are a multiple of this, so that few distinct shapes occur.
const BUCKET: usize = 32;

/// A process reward model with what it has read: a solution that begins like the last one is read from where it differs.
#[derive(Debug)]
pub struct Judge {
    prm: Prm,
    rope: Rope,
    cache: Option<Cache>,
    capacity: usize,
    /// What the cache holds.
    ids: Vec<u32>,
    /// The score that a step would have if it ended at each of `ids`.
    scores: Vec<f32>,
}

impl Judge {
    /// With a copy of `prm` that records no gradients.
    pub fn new(prm: &Prm) -> Self {
        let rope = Rope::new(&prm.config);
        Self { prm: prm.frozen(), rope, cache: None, capacity: 0, ids: Vec::new(), scores: Vec::new() }
    }

    /// The score of every step of `input`, as [`score`](super::score) gives it.
    ///
    /// `progress` hears how many of the tokens are read, those kept from before included, and how many there are; it
    /// may stop the reading by returning `false`, after which the next call goes on from there.
    ///
    /// # Errors
    /// An input longer than the model's context, a device failure, or [`Error::Stopped`].
    pub async fn score(
        &mut self,
        input: &PrmInput,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Vec<f32>> {
        let (total, context) = (input.ids.len(), self.prm.config.max_position_embeddings);
        if total > context {
            return Err(Error::Context { tokens: total, context });
        }
        self.keep_known(input);
        while self.ids.len() < total {
            let end = total.min(self.ids.len() + PASS);
            self.read_on(&input.ids[self.ids.len()..end]).await?;
            if !progress(end, total) {
                return Err(Error::Stopped);
            }
        }
        Ok(input.positions.iter().filter_map(|position| self.scores.get(*position).copied()).collect())
    }

    /// How many tokens of `input` are known from what was read before.
    pub fn known(&self, input: &PrmInput) -> usize {
        let common = self.ids.iter().zip(&input.ids).take_while(|(kept, new)| kept == new).count();
        if input.ids.len() > self.capacity { 0 } else { common }
    }

    /// Forgets what differs from `input`, or everything where the cache is too small for it.
    fn keep_known(&mut self, input: &PrmInput) {
        let known = self.known(input);
        self.ids.truncate(known);
        self.scores.truncate(known);
        if input.ids.len() > self.capacity {
            self.capacity = input.ids.len().next_power_of_two().max(4 * PASS);
            self.cache = None;
        }
    }

    async fn read_on(&mut self, ids: &[u32]) -> Result<()> {
        let device = self.prm.model.device();
        let (column, time) = (self.ids.len(), ids.len());
        let view = (column + time).next_multiple_of(BUCKET).min(self.capacity);
        let frame = Frame::cached(&self.rope, &[0], column, time, view, &device);
        let tokens: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [1, time]), &device);
        let Prm { config, model } = &self.prm;
        let cache = self.cache.get_or_insert_with(|| model.decoder().cache(config, 1, self.capacity));
        let hidden = model.hidden(tokens, &frame, Some(cache));
        let logits = read(self.prm.model.judge(hidden)).await?;
        self.ids.extend_from_slice(ids);
        self.scores.extend(logits.chunks_exact(2).map(|pair| step_score([pair[0], pair[1]])));
        Ok(())
    }
}
