//! Batched sampling with a static key/value cache.

use std::ops::ControlFlow;

use burn::module::Module as _;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::draw::{drawn, draws};
use super::sample::{Choice, choose};
use crate::config::Sampling;
use crate::model::{Cache, CausalLm, Frame, ModelConfig, Rope};
use crate::ops::{fused, in_rows};
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

/// Size of a vocabulary whose rows are worth a thread each.
const MANY: usize = 4096;

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

impl Row {
    fn is_open(&self, sampling: &Sampling) -> bool {
        !self.response.finished && self.response.tokens.len() < sampling.max_new_tokens
    }
}

/// Prompts that were read.
struct Read {
    rows: Vec<Row>,
    cache: Cache,
    /// What follows each, `[rows, vocabulary]`.
    logits: Tensor<2>,
    /// Columns of the cache in use.
    columns: usize,
}

/// Whether the rows that are done leave, and how many of those that wait take their place.
///
/// Both copy the cache and make new shapes, so they wait for a quarter of the rows, or for half where none waits.
fn turnover(rows: usize, open: usize, waiting: usize) -> (bool, usize) {
    let done = rows - open;
    match waiting {
        0 => (open * 2 <= rows, 0),
        _ if done * 4 >= rows => (true, done.min(waiting)),
        _ => (false, 0),
    }
}

impl<'a> Generator<'a> {
    /// `model` should come from [`super::Policy::for_inference`].
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
        let batches: Vec<&[(usize, usize)]> = pairs.chunks(pairs.len().div_ceil(workers).max(1)).collect();
        let work = async |batch: &&[(usize, usize)], listen: Hear<'_, Vec<NewToken>>| {
            self.batch(prompts, batch, sampling, seed, listen).await
        };
        let mut hear = |tokens: Vec<NewToken>| tokens.into_iter().try_for_each(&mut *listen);
        let mut responses: Vec<Vec<Option<Response>>> = counts.iter().map(|count| vec![None; *count]).collect();
        for batch in parallel::with_messages(&device, &batches, work, &mut hear).await? {
            for row in batch? {
                responses[row.prompt][row.sample] = Some(row.response);
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

    /// Writes `pairs`, at most `sampling.rows` at a time: rows that are done make room for those that wait.
    async fn batch(
        &self,
        prompts: &[Vec<u32>],
        pairs: &[(usize, usize)],
        sampling: &Sampling,
        seed: u64,
        listen: Hear<'_, Vec<NewToken>>,
    ) -> Result<Vec<Row>> {
        let (first, mut waiting) = pairs.split_at(sampling.rows.clamp(1, pairs.len()));
        let longest = pairs.iter().map(|(prompt, _)| prompts[*prompt].len()).max().unwrap_or(0);
        // Room for a response that begins when another has come to its last token.
        let responses = if waiting.is_empty() { 1 } else { 2 };
        let capacity = (longest + responses * sampling.max_new_tokens).next_multiple_of(BUCKET);
        let Read { mut rows, mut cache, mut logits, columns: mut column } =
            self.read_prompts(prompts, first, capacity, seed);
        let mut done = Vec::with_capacity(pairs.len());
        loop {
            self.extend(&mut rows, logits, sampling, listen).await?;
            let open = rows.iter().filter(|row| row.is_open(sampling)).count();
            if open == 0 && waiting.is_empty() {
                done.extend(rows);
                return Ok(done);
            }
            let (leave, join) = turnover(rows.len(), open, waiting.len());
            let next;
            (next, waiting) = waiting.split_at(join);
            if open == 0 {
                done.extend(rows);
                Read { rows, cache, logits, columns: column } = self.read_prompts(prompts, next, capacity, seed);
                continue;
            }
            if leave {
                (rows, cache) = self.without_done(rows, cache, sampling, &mut done);
            }
            logits = self.step(&rows, &mut cache, column);
            column += 1;
            if next.is_empty() {
                continue;
            }
            if column + sampling.max_new_tokens > capacity {
                let unused = rows.iter().map(|row| row.padding).min().unwrap_or(0).min(column - longest);
                cache = cache.shifted(unused);
                column -= unused;
                rows.iter_mut().for_each(|row| row.padding -= unused);
            }
            let read = self.read_prompts(prompts, next, 0, seed);
            let from = column - read.columns;
            cache = cache.joined(read.cache, from);
            rows.extend(read.rows.into_iter().map(|row| Row { padding: row.padding + from, ..row }));
            logits = Tensor::cat(vec![logits, read.logits], 0);
        }
    }

    /// The rows that are still being written, with their cache.
    fn without_done(
        &self,
        rows: Vec<Row>,
        cache: Cache,
        sampling: &Sampling,
        done: &mut Vec<Row>,
    ) -> (Vec<Row>, Cache) {
        let keep: Vec<i32> =
            (0..).zip(&rows).filter(|(_, row)| row.is_open(sampling)).map(|(place, _)| place).collect();
        let count = keep.len();
        let cache = cache.select(&Tensor::from_data(TensorData::new(keep, [count]), &self.model.device()));
        let (open, finished): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.is_open(sampling));
        done.extend(finished);
        (open, cache)
    }

    /// Runs each distinct prompt once, left-padded to a common end, and spreads cache and logits over its samples. The
    /// cache has `capacity` columns, or as many as the prompts need.
    fn read_prompts(&self, prompts: &[Vec<u32>], pairs: &[(usize, usize)], capacity: usize, seed: u64) -> Read {
        let device = self.model.device();
        let longest = pairs.iter().map(|(prompt, _)| prompts[*prompt].len()).max().unwrap_or(0);
        let mut distinct: Vec<usize> = pairs.iter().map(|(prompt, _)| *prompt).collect();
        distinct.dedup();
        let padding: Vec<usize> = distinct.iter().map(|prompt| longest - prompts[*prompt].len()).collect();
        let tokens: Vec<i32> = distinct
            .iter()
            .zip(&padding)
            .flat_map(|(prompt, pad)| core::iter::repeat_n(0, *pad).chain(prompts[*prompt].iter().map(|id| *id as i32)))
            .collect();
        let mut cache = self.model.decoder().cache(self.config, distinct.len(), capacity.max(longest));
        let frame = Frame::cached(&self.rope, &padding, 0, longest, longest, &device);
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [distinct.len(), longest]), &device);
        let hidden = self.model.hidden(tokens, &frame, Some(&mut cache));
        let spread: Vec<i32> = spread(pairs).collect();
        let spread = Tensor::from_data(TensorData::new(spread, [pairs.len()]), &device);
        let last = hidden.narrow(1, longest - 1, 1);
        let logits = self.logits(last).select(0, spread.clone());
        let row = |(prompt, sample): &(usize, usize)| Row {
            prompt: *prompt,
            sample: *sample,
            padding: longest - prompts[*prompt].len(),
            last: 0,
            rng: seed::stream(seed, &[*prompt as u64, *sample as u64]),
            response: Response { tokens: Vec::new(), log_probs: Vec::new(), finished: false },
        };
        Read { rows: pairs.iter().map(row).collect(), cache: cache.select(&spread), logits, columns: longest }
    }

    /// Logits `[rows, vocabulary]` after one more token per row, written at cache column `column`.
    fn step(&self, rows: &[Row], cache: &mut Cache, column: usize) -> Tensor<2> {
        let device = self.model.device();
        let padding: Vec<usize> = rows.iter().map(|row| row.padding).collect();
        let view = (column + 1).next_multiple_of(BUCKET);
        let frame = Frame::cached(&self.rope, &padding, column, 1, view, &device);
        let tokens: Vec<i32> = rows.iter().map(|row| row.last as i32).collect();
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [rows.len(), 1]), &device);
        self.logits(self.model.hidden(tokens, &frame, Some(cache)))
    }

    /// Hidden states `[rows, 1, hidden]` to logits `[rows, vocabulary]`.
    fn logits(&self, hidden: Tensor<3>) -> Tensor<2> {
        self.model.decoder().projected(hidden.squeeze_dim(1), self.head.clone())
    }

    /// The next token of every open row, in order.
    async fn choices(&self, rows: &mut [Row], logits: Tensor<2>, sampling: &Sampling) -> Result<Vec<Choice>> {
        let open = |row: &Row| row.is_open(sampling);
        if !fused(&logits.device()) && draws(sampling, self.config.vocab_size) {
            let uniforms: Vec<f32> =
                rows.iter_mut().map(|row| if open(row) { row.rng.random() } else { 0.0 }).collect();
            let drawn = drawn(logits, sampling.temperature, &uniforms).await?;
            return Ok(rows.iter().zip(drawn).filter(|(row, _)| open(row)).map(|(_, choice)| choice).collect());
        }
        let logits = read(logits).await?;
        let asked: Vec<(&Row, &[f32])> =
            rows.iter().zip(logits.chunks(self.config.vocab_size)).filter(|(row, _)| open(row)).collect();
        // On the processor wherever the model is, for vocabularies large enough to be worth the threads.
        let draw = |(row, logits): &(&Row, &[f32])| {
            let mut rng = row.rng.clone();
            (choose(logits, sampling, &mut rng), rng)
        };
        let drawn: Vec<_> = match self.config.vocab_size < MANY {
            true => asked.iter().map(draw).collect(),
            false => parallel::map(&Device::flex(), &asked, draw),
        };
        let (choices, rngs): (Vec<Choice>, Vec<ChaCha8Rng>) = drawn.into_iter().unzip();
        rows.iter_mut().filter(|row| open(row)).zip(rngs).for_each(|(row, rng)| row.rng = rng);
        Ok(choices)
    }

    /// Draws the next token of every open row.
    async fn extend(
        &self,
        rows: &mut [Row],
        logits: Tensor<2>,
        sampling: &Sampling,
        listen: Hear<'_, Vec<NewToken>>,
    ) -> Result<()> {
        let choices = self.choices(rows, logits, sampling).await?;
        let mut tokens = Vec::with_capacity(choices.len());
        for (row, choice) in rows.iter_mut().filter(|row| row.is_open(sampling)).zip(choices) {
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
