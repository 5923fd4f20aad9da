//! Batched sampling with a static key/value cache.

use std::ops::ControlFlow;

use burn::module::Module as _;
use burn::tensor::{Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::sample::choose;
use crate::config::Sampling;
use crate::model::{Cache, CausalLm, Frame, ModelConfig, Rope};
use crate::ops::{in_rows, mapped_by};
use crate::parallel::{self, Hear};
use crate::read::read;
use crate::{Error, Result, seed};

/// Cache capacity and the part of it that is read are multiples of this, so that few distinct shapes occur.
const BUCKET: usize = 32;

/// What the policy wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Token ids, the end-of-sequence token included where one was produced.
    pub tokens: Vec<u32>,
    /// log π of each token at temperature 1, under the sampling policy.
    pub log_probs: Vec<f32>,
    /// Whether an end-of-sequence token closed it; false if it ran into the length limit.
    pub finished: bool,
}

/// A token just produced, for streaming and progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewToken {
    /// Index of the prompt.
    pub prompt: usize,
    /// Index of the sample of that prompt.
    pub sample: usize,
    /// Vocabulary id.
    pub token: u32,
}

/// Samples from a model that records no gradients.
#[derive(Debug)]
pub struct Generator<'a> {
    model: &'a CausalLm,
    config: &'a ModelConfig,
    head: Tensor<2>,
    rope: Rope,
}

/// One sequence being written.
struct Row {
    prompt: usize,
    sample: usize,
    padding: usize,
    last: u32,
    rng: ChaCha8Rng,
    response: Response,
}

impl<'a> Generator<'a> {
    /// `model` should come from [`super::Policy::frozen`].
    pub fn new(model: &'a CausalLm, config: &'a ModelConfig) -> Self {
        Self { model, config, head: in_rows(model.head()), rope: Rope::new(config) }
    }

    /// `samples` responses to each prompt, see [`Self::generate_each`].
    ///
    /// # Errors
    /// Those of [`Self::generate_each`].
    pub async fn generate(
        &self,
        prompts: &[Vec<u32>],
        samples: usize,
        sampling: &Sampling,
        seed: u64,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Response>>> {
        self.generate_each(prompts, &vec![samples; prompts.len()], sampling, seed, listen).await
    }

    /// `counts[prompt]` responses to each prompt, `[prompt][sample]`.
    ///
    /// What is drawn for a sample depends on `seed`, the prompt's index and the sample's index only, not on which
    /// rows share a batch. The prompt is read once for all its samples. `listen` may stop the run.
    ///
    /// # Errors
    /// An empty prompt, one that leaves no room in the context, a device failure, or [`Error::Stopped`].
    pub async fn generate_each(
        &self,
        prompts: &[Vec<u32>],
        counts: &[usize],
        sampling: &Sampling,
        seed: u64,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Response>>> {
        self.check(prompts, sampling)?;
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by_key(|prompt| prompts[*prompt].len());
        let pairs: Vec<(usize, usize)> =
            order.into_iter().flat_map(|prompt| (0..counts[prompt]).map(move |sample| (prompt, sample))).collect();
        let device = self.model.device();
        let workers = parallel::readers(&device, 4 * self.model.num_params());
        let rows = sampling.rows.min(pairs.len().div_ceil(workers)).max(1);
        let batches: Vec<&[(usize, usize)]> = pairs.chunks(rows).collect();
        let work = async |batch: &&[(usize, usize)], listen: Hear<'_, Vec<NewToken>>| {
            self.batch(prompts, batch, sampling, seed, listen).await
        };
        let mut hear = |tokens: Vec<NewToken>| tokens.into_iter().try_for_each(&mut *listen);
        let mut responses: Vec<Vec<Option<Response>>> = counts.iter().map(|count| vec![None; *count]).collect();
        for round in batches.chunks(workers) {
            for batch in parallel::with_messages(&device, round, work, &mut hear).await? {
                for row in batch? {
                    responses[row.prompt][row.sample] = Some(row.response);
                }
            }
        }
        Ok(responses.into_iter().map(|group| group.into_iter().flatten().collect()).collect())
    }

    fn check(&self, prompts: &[Vec<u32>], sampling: &Sampling) -> Result<()> {
        if prompts.iter().any(Vec::is_empty) {
            return Err(Error::Empty("a prompt"));
        }
        let longest = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let tokens = longest + sampling.max_new_tokens;
        if tokens > self.config.max_position_embeddings {
            return Err(Error::Context { tokens, context: self.config.max_position_embeddings });
        }
        Ok(())
    }

    async fn batch(
        &self,
        prompts: &[Vec<u32>],
        pairs: &[(usize, usize)],
        sampling: &Sampling,
        seed: u64,
        listen: Hear<'_, Vec<NewToken>>,
    ) -> Result<Vec<Row>> {
        let longest = pairs.iter().map(|(prompt, _)| prompts[*prompt].len()).max().unwrap_or(0);
        let (mut cache, mut logits) = self.read_prompts(prompts, pairs, longest, sampling).await?;
        let row = |(prompt, sample): &(usize, usize)| Row {
            prompt: *prompt,
            sample: *sample,
            padding: longest - prompts[*prompt].len(),
            last: 0,
            rng: seed::stream(seed, &[*prompt as u64, *sample as u64]),
            response: Response { tokens: Vec::new(), log_probs: Vec::new(), finished: false },
        };
        let mut active: Vec<Row> = pairs.iter().map(row).collect();
        let mut done = Vec::with_capacity(active.len());
        for column in longest..longest + sampling.max_new_tokens {
            self.extend(&mut active, &logits, sampling, listen)?;
            let open = active.iter().filter(|row| !row.response.finished).count();
            if open == 0 || column + 1 == longest + sampling.max_new_tokens {
                break;
            }
            // Finished rows leave once they are half of the batch: few distinct shapes, little wasted work.
            if open * 2 <= active.len() {
                let keep: Vec<i32> =
                    (0..active.len()).filter(|i| !active[*i].response.finished).map(|i| i as i32).collect();
                cache = cache.select(&Tensor::from_data(TensorData::new(keep, [open]), &self.model.device()));
                let (finished, rest): (Vec<Row>, Vec<Row>) = active.into_iter().partition(|row| row.response.finished);
                done.extend(finished);
                active = rest;
            }
            logits = self.step(&active, &mut cache, column).await?;
        }
        done.extend(active);
        Ok(done)
    }

    /// Runs each distinct prompt once, left-padded to a common end, and spreads cache and logits over its samples.
    async fn read_prompts(
        &self,
        prompts: &[Vec<u32>],
        pairs: &[(usize, usize)],
        longest: usize,
        sampling: &Sampling,
    ) -> Result<(Cache, Vec<f32>)> {
        let device = self.model.device();
        let mut distinct: Vec<usize> = pairs.iter().map(|(prompt, _)| *prompt).collect();
        distinct.dedup();
        let padding: Vec<usize> = distinct.iter().map(|prompt| longest - prompts[*prompt].len()).collect();
        let tokens: Vec<i32> = distinct
            .iter()
            .zip(&padding)
            .flat_map(|(prompt, pad)| core::iter::repeat_n(0, *pad).chain(prompts[*prompt].iter().map(|id| *id as i32)))
            .collect();
        let capacity = (longest + sampling.max_new_tokens).next_multiple_of(BUCKET);
        let mut cache = Cache::new(self.config, distinct.len(), capacity, &device);
        let frame = Frame::cached(&self.rope, &padding, 0, longest, longest, &device);
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [distinct.len(), longest]), &device);
        let hidden = self.model.hidden(tokens, &frame, Some(&mut cache));
        let spread: Vec<i32> = spread(pairs).collect();
        let spread = Tensor::from_data(TensorData::new(spread, [pairs.len()]), &device);
        let last = hidden.narrow(1, longest - 1, 1);
        let logits = read(self.logits(last).select(0, spread.clone())).await?;
        Ok((cache.select(&spread), logits))
    }

    /// Logits `[rows, vocabulary]` after one more token per row, written at cache column `column`.
    async fn step(&self, rows: &[Row], cache: &mut Cache, column: usize) -> Result<Vec<f32>> {
        let device = self.model.device();
        let padding: Vec<usize> = rows.iter().map(|row| row.padding).collect();
        let view = (column + 1).next_multiple_of(BUCKET);
        let frame = Frame::cached(&self.rope, &padding, column, 1, view, &device);
        let tokens: Vec<i32> = rows.iter().map(|row| row.last as i32).collect();
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [rows.len(), 1]), &device);
        read(self.logits(self.model.hidden(tokens, &frame, Some(cache)))).await
    }

    fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        mapped_by(hidden, self.head.clone(), None)
    }

    /// Draws the next token of every open row.
    fn extend(
        &self,
        rows: &mut [Row],
        logits: &[f32],
        sampling: &Sampling,
        listen: Hear<'_, Vec<NewToken>>,
    ) -> Result<()> {
        let mut tokens = Vec::with_capacity(rows.len());
        for (row, logits) in rows.iter_mut().zip(logits.chunks(self.config.vocab_size)) {
            if row.response.finished {
                continue;
            }
            let choice = choose(logits, sampling, &mut row.rng);
            row.last = choice.token;
            row.response.tokens.push(choice.token);
            row.response.log_probs.push(choice.log_prob);
            row.response.finished = self.config.eos_token_ids.contains(&choice.token);
            tokens.push(NewToken { prompt: row.prompt, sample: row.sample, token: choice.token });
        }
        // One message for all rows: waking the listener for each token would cost more than drawing it.
        if listen(tokens).is_break() { Err(Error::Stopped) } else { Ok(()) }
    }
}

/// For each pair, the index of its prompt among the distinct prompts in order of appearance.
fn spread(pairs: &[(usize, usize)]) -> impl Iterator<Item = i32> + '_ {
    let mut index = 0;
    pairs.iter().enumerate().map(move |(i, (prompt, _))| {
        if i > 0 && pairs[i - 1].0 != *prompt {
            index += 1;
        }
        index
    })
}
