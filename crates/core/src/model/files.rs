//! A model from the files of its folder, or from one GGUF file, as bytes that may come from anywhere.
//!
//! What a file claims is held against what it holds before memory is taken for it, so that a broken or hostile file ends
//! in a message. Tensors are taken over a few at a time: beside the files, memory holds the model and little else.

use std::collections::HashMap;
use std::fmt::Display;

use burn::tensor::Device;
use minform_text::gguf::{Gguf, HfTensor, to_hf};
use minform_text::prompter::Prompter;
use minform_text::tokenizer::Tokenizer;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::config::{Head, ModelConfig};
use super::drawn::alone;
use super::heads::{CausalLm, TokenClassifier};
use super::network::{Configured, Network};
use super::weights::Filling;
use crate::read::turn;
use crate::{Error, Result};

/// Tensors are taken over in parts of about so many bytes.
const PART: usize = 32 << 20;

/// The files of one model.
#[derive(Debug)]
pub struct ModelFiles {
    /// Shape and constants.
    pub config: ModelConfig,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// How the model is asked.
    pub prompter: Prompter,
    weights: Vec<Vec<u8>>,
    gguf: Option<Vec<u8>>,
}

/// A model with one of the two heads.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// A language model.
    Policy(Configured<CausalLm>),
    /// A process reward model.
    Prm(Configured<TokenClassifier>),
}

impl ModelFiles {
    /// Looks through `(name, bytes)` pairs: `config.json`, `tokenizer.json`, perhaps `generation_config.json`,
    /// `tokenizer_config.json` and `chat_template.jinja`, and `*.safetensors`; or one `*.gguf`, which holds all of it, and with it a `*.safetensors` file with the head
    /// `score.weight` and `score.bias` where it is to be a process reward model. Other files are passed over.
    ///
    /// # Errors
    /// A file that is missing or cannot be read, an architecture that is not supported, or sizes that disagree.
    pub fn read(files: Vec<(String, Vec<u8>)>) -> Result<Self> {
        let mut named: HashMap<String, Vec<u8>> = HashMap::new();
        let (mut weights, mut gguf) = (Vec::new(), None);
        for (name, bytes) in files {
            match name.rsplit('.').next() {
                Some("safetensors") => weights.push(bytes),
                Some("gguf") => gguf = Some(bytes),
                _ => drop(named.insert(name.rsplit('/').next().unwrap_or_default().into(), bytes)),
            }
        }
        let Description { config, tokenizer, prompter } = match &gguf {
            Some(gguf) => Description::of_gguf(gguf, !weights.is_empty())?,
            None => Description::of_folder(&named)?,
        };
        let files = Self { config, tokenizer, prompter, weights, gguf };
        files.check()?;
        Ok(files)
    }

    /// Bytes of the weight files.
    pub fn bytes(&self) -> usize {
        self.weights.iter().chain(&self.gguf).map(Vec::len).sum()
    }

    /// Builds the model on `device`. `progress` hears which share is done and may stop it by returning `false`.
    ///
    /// # Errors
    /// Weights that do not fit the configuration, all of them listed; or [`Error::Stopped`].
    pub async fn load(self, device: &Device, progress: &mut dyn FnMut(f32) -> bool) -> Result<Loaded> {
        match self.config.head {
            Head::Classifier => Ok(Loaded::Prm(self.fill(device, progress).await?)),
            Head::Language => Ok(Loaded::Policy(self.fill(device, progress).await?)),
            Head::TwoLayer | Head::Value => Err(Error::Architecture {
                found: "a reward model with a head of another family".into(),
                supported: "language models and token classifiers",
            }),
        }
    }

    async fn fill<M: Network>(self, device: &Device, progress: &mut dyn FnMut(f32) -> bool) -> Result<Configured<M>> {
        let mut filler = Filler {
            model: M::new(&self.config, device),
            filling: Filling::default(),
            total: self.bytes().max(1),
            done: 0,
            progress,
        };
        for file in &self.weights {
            filler.add_safetensors(file).await?;
        }
        if let Some(file) = &self.gguf {
            filler.add_gguf(file).await?;
        }
        filler.tell(1.0)?;
        filler.filling.finish()?;
        Ok(Configured { config: self.config, model: filler.model })
    }

    /// Holds the sizes of configuration, tokenizer and weights against each other.
    fn check(&self) -> Result<()> {
        let problem = |key: &str, problem: String| Err(Error::Config { key: key.into(), problem });
        let (tokens, rows) = (self.tokenizer.vocabulary_size(), self.config.vocab_size);
        if tokens > rows {
            return problem("vocab_size", format!("is {rows}, but the tokenizer has {tokens} tokens"));
        }
        let (needed, stored) = (self.config.decoder_parameters(), self.stored()?);
        if needed > stored {
            return problem(
                "config.json",
                format!("describes a decoder of {needed} parameters, but the weight files hold {stored} values"),
            );
        }
        Ok(())
    }

    /// How many values the weight files hold.
    fn stored(&self) -> Result<usize> {
        let mut stored = 0_usize;
        for file in &self.weights {
            let tensors = deserialize(file)?;
            let values = tensors.iter().map(|(_, view)| view.shape().iter().product::<usize>());
            stored = stored.saturating_add(values.sum());
        }
        if let Some(file) = &self.gguf {
            let values = Gguf::parse(file)?.tensors().iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
            stored = stored.saturating_add(values);
        }
        Ok(stored)
    }
}

/// A model on the way from its files.
struct Filler<'a, M> {
    model: M,
    filling: Filling,
    /// Bytes of all files, and how many of them are taken over.
    total: usize,
    done: usize,
    progress: &'a mut dyn FnMut(f32) -> bool,
}

impl<M: Network> Filler<'_, M> {
    async fn add_safetensors(&mut self, file: &[u8]) -> Result<()> {
        let tensors = deserialize(file)?;
        let tensors: Vec<(&str, TensorView<'_>)> = tensors.iter().collect();
        for part in parts(&tensors, |(_, view)| view.data().len()) {
            self.add(part, part.iter().map(|(_, view)| view.data().len()).sum()).await?;
        }
        Ok(())
    }

    async fn add_gguf(&mut self, file: &[u8]) -> Result<()> {
        let gguf = Gguf::parse(file)?;
        let tensors = to_hf(&gguf)?.tensors;
        for part in parts(&tensors, |tensor| 4 * tensor.shape.iter().product::<usize>()) {
            let values: Vec<Vec<u8>> =
                part.iter().map(|tensor| Ok(le_bytes(&tensor.decode()?))).collect::<Result<_>>()?;
            let view = |(tensor, values): (&HfTensor<'_>, _)| {
                TensorView::new(Dtype::F32, tensor.shape.clone(), values).map_err(unreadable)
            };
            let views: Vec<TensorView<'_>> =
                part.iter().zip(values.iter().map(Vec::as_slice)).map(view).collect::<Result<_>>()?;
            let named: Vec<(&str, TensorView<'_>)> = part.iter().map(|tensor| &*tensor.name).zip(views).collect();
            self.add(&named, file.len() * part.len() / tensors.len()).await?;
        }
        Ok(())
    }

    /// Takes over tensors that come from `bytes` bytes, lets others go on, and stops where that was wished.
    async fn add(&mut self, tensors: &[(&str, TensorView<'_>)], bytes: usize) -> Result<()> {
        let part = safetensors::serialize(tensors.iter().map(|(name, view)| (*name, view)), None);
        {
            let _alone = alone();
            self.filling.add(&mut self.model, part.map_err(unreadable)?)?;
        }
        self.done += bytes;
        turn().await;
        self.tell((self.done as f32 / self.total as f32).min(1.0))
    }

    fn tell(&mut self, share: f32) -> Result<()> {
        if (self.progress)(share) { Ok(()) } else { Err(Error::Stopped) }
    }
}

/// All of a model but its weights.
struct Description {
    config: ModelConfig,
    tokenizer: Tokenizer,
    prompter: Prompter,
}

impl Description {
    fn of_folder(files: &HashMap<String, Vec<u8>>) -> Result<Self> {
        let file = |name: &'static str| files.get(name).ok_or(Error::MissingFile(name));
        let mut config = ModelConfig::from_json(file("config.json")?)?;
        if let Some(bytes) = files.get("generation_config.json") {
            config = config.with_generation_config(bytes);
        }
        let template = files.get("chat_template.jinja").map(|bytes| String::from_utf8_lossy(bytes));
        let told = files.get("tokenizer_config.json").map(Vec::as_slice);
        let prompter = Prompter::of_model(told, template.as_deref())?;
        Ok(Self { config, tokenizer: Tokenizer::from_json(file("tokenizer.json")?)?, prompter })
    }

    fn of_gguf(bytes: &[u8], with_head: bool) -> Result<Self> {
        let gguf = Gguf::parse(bytes)?;
        let model = to_hf(&gguf)?;
        let config = ModelConfig::from_json(model.config.to_string().as_bytes())?
            .with_generation_config(model.generation_config.to_string().as_bytes());
        let head = if with_head { Head::Classifier } else { config.head };
        let config = ModelConfig { head, ..config };
        let prompter = Prompter::of_model(Some(model.tokenizer_config.to_string().as_bytes()), None)?;
        Ok(Self { config, tokenizer: Tokenizer::from_json(model.tokenizer_json.as_bytes())?, prompter })
    }
}

/// Runs of neighbours of about [`PART`] bytes.
fn parts<T>(items: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut filled = 0;
    items.chunk_by(move |before, next| {
        filled += size(before);
        let fits = filled + size(next) <= PART;
        filled *= usize::from(fits);
        fits
    })
}

fn deserialize(file: &[u8]) -> Result<SafeTensors<'_>> {
    SafeTensors::deserialize(file).map_err(unreadable)
}

fn unreadable(error: impl Display) -> Error {
    Error::WeightFile(error.to_string())
}

fn le_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
