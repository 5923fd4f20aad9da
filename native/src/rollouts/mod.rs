//! Responses written by inference servers with OpenAI's `/v1/completions`: vLLM, SGLang, llama.cpp.

mod answer;
mod handover;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use minform_core::config::{Rl, Sampling};
use minform_core::model::ModelConfig;
use minform_core::policy::{NewToken, Order, Response, Writer};
use minform_core::{Error, seed};
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::cli::{HandOver, RolloutOptions};
use crate::folder::bearer_token;

/// How often a request is made before its failure is that of the run.
const ATTEMPTS: u32 = 6;

/// The first pause before it is made again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// How much of a refusal is shown, in characters.
const SHOWN: usize = 300;

/// The servers, all with the same weights.
pub(crate) struct Servers {
    /// Their addresses, without a slash at the end.
    endpoints: Vec<String>,
    client: Client,
    token: Option<String>,
    /// Requests at a time.
    concurrency: usize,
    vocabulary: usize,
    ends: Vec<u32>,
    weights: Mutex<Weights>,
}

/// What the servers hold.
#[derive(Debug, Clone)]
struct Weights {
    /// What they call it.
    name: String,
    /// The update after which it was taken.
    step: usize,
}

/// Why a request brought nothing.
struct Failure {
    error: anyhow::Error,
    /// Whether it may succeed later.
    may_pass: bool,
}

impl From<Failure> for anyhow::Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Servers {
    /// Asks each server which model it has, unless it is told.
    pub(crate) fn open(options: &RolloutOptions, model: &ModelConfig, rl: &Rl) -> Result<Arc<Self>> {
        match options.hand_over {
            HandOver::None if rl.updates > rl.rollouts.max_age + 1 => bail!(
                "the servers never get new weights, which ends the run after update {}, as rl.rollouts.max_age = {}; \
                 choose --hand-over lora or folder, or raise it",
                rl.rollouts.max_age + 1,
                rl.rollouts.max_age
            ),
            HandOver::Lora if rl.lora.rank == 0 => {
                bail!("--hand-over lora needs adapters: --set rl.lora.rank=16, or --hand-over folder")
            }
            HandOver::Folder if options.hand_over_command.is_none() => {
                bail!("--hand-over folder needs --hand-over-command, which makes the servers read the folder")
            }
            HandOver::None | HandOver::Lora if options.hand_over_command.is_some() => {
                bail!("--hand-over-command goes with --hand-over folder")
            }
            _ => {}
        }
        let client = Client::builder().timeout(Duration::from_secs(options.rollout_timeout.into())).build();
        let token = options.rollout_token_file.as_deref().map(bearer_token).transpose()?;
        let mut servers = Self {
            endpoints: options.rollouts.iter().map(|url| endpoint(url)).collect::<Result<_>>()?,
            client: client.context("cannot make requests")?,
            token,
            concurrency: options.rollout_concurrency,
            vocabulary: model.vocab_size,
            ends: model.eos_token_ids.clone(),
            weights: Mutex::new(Weights { name: String::new(), step: 0 }),
        };
        let name = match &options.rollout_model {
            Some(name) => name.clone(),
            None => {
                let listed = servers.patiently(0, |endpoint| servers.client.get(format!("{endpoint}/v1/models")))?;
                listed["data"][0]["id"].as_str().unwrap_or_default().to_owned()
            }
        };
        servers.weights = Mutex::new(Weights { name, step: 0 });
        Ok(Arc::new(servers))
    }

    fn weights(&self) -> Weights {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One request and its answer.
    fn exchange(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let unreachable = |error: reqwest::Error| Failure { error: error.into(), may_pass: true };
        let answer = request.send().map_err(unreachable)?;
        let (url, status) = (answer.url().clone(), answer.status());
        let text = answer.text().map_err(unreachable)?;
        if !status.is_success() {
            let shown: String = text.chars().take(SHOWN).collect();
            let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            return Err(Failure { error: anyhow!("{url} answers {status}: {shown}"), may_pass });
        }
        // Some answers, such as those to loading an adapter, are plain text.
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A response to a prompt, by one server after another until one answers.
    fn ask(&self, prompt: &[u32], sampling: &Sampling, seed: u64, first: usize) -> Result<Response> {
        // Draws are those of the whole distribution: what servers cut off unasked is switched off.
        let body = json!({
            "model": self.weights().name, "prompt": prompt, "seed": seed >> 33,
            "max_tokens": sampling.max_new_tokens, "temperature": sampling.temperature, "top_p": sampling.top_p,
            "top_k": if sampling.top_k == 0 { -1 } else { sampling.top_k as i64 }, "min_p": 0.0,
            "logprobs": 1, "return_token_ids": true, "return_tokens_as_token_ids": true,
            // llama.cpp.
            "return_tokens": true, "verbose": true,
        });
        let answer =
            self.patiently(first, |endpoint| self.client.post(format!("{endpoint}/v1/completions")).json(&body))?;
        answer::response(&answer, self.vocabulary, &self.ends)
    }

    /// The answer to a request, made again where that may help, by one server after another.
    fn patiently(&self, first: usize, request: impl Fn(&str) -> RequestBuilder) -> Result<Value> {
        let mut attempt = 0;
        loop {
            let endpoint = &self.endpoints[(first + attempt as usize) % self.endpoints.len()];
            match self.exchange(request(endpoint)) {
                Ok(answer) => return Ok(answer),
                Err(Failure { may_pass: true, .. }) if attempt + 1 < ATTEMPTS => {
                    thread::sleep(PAUSE * 2_u32.pow(attempt));
                    attempt += 1;
                }
                Err(failure) => {
                    return Err(failure.error.context(format!("--rollouts {endpoint}, attempt {}", attempt + 1)));
                }
            }
        }
    }
}

/// An address as requests are made to it.
fn endpoint(url: &str) -> Result<String> {
    if !url.starts_with("http://") {
        bail!("--rollouts {url}: expected an address such as http://127.0.0.1:8000; https is left to a proxy");
    }
    let url = url.trim_end_matches('/');
    Ok(url.strip_suffix("/v1").unwrap_or(url).to_owned())
}

impl Writer for Servers {
    fn write(
        &self,
        order: &Order<'_>,
        written: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> minform_core::Result<Vec<Vec<Response>>> {
        // A request for each response: servers keep what they read of a prompt, and some get stuck on several at once.
        let samples = |prompt: usize| (0..order.counts[prompt]).map(move |sample| (prompt, sample));
        let wanted: Vec<(usize, usize)> = (0..order.prompts.len()).flat_map(samples).collect();
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        let work = |sender: mpsc::Sender<_>| {
            while !stopped.load(Ordering::Relaxed)
                && let Some((prompt, sample)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)).copied()
            {
                let seed = seed::mix_in(seed::mix_in(order.seed, prompt as u64), sample as u64);
                let answer = self.ask(&order.prompts[prompt], order.sampling, seed, prompt + sample);
                if sender.send((prompt, sample, answer)).is_err() {
                    break;
                }
            }
        };
        let mut responses: Vec<Vec<Option<Response>>> = order.counts.iter().map(|count| vec![None; *count]).collect();
        thread::scope(|scope| {
            for _ in 0..self.concurrency.min(wanted.len()) {
                let (work, sender) = (&work, sender.clone());
                scope.spawn(move || work(sender));
            }
            drop(sender);
            // Leaving the scope waits for requests under way; no new ones are made once something ended the work.
            for (prompt, sample, answer) in receiver {
                let heard = answer.map_err(|error| Error::Rollout(format!("{error:#}"))).and_then(|response| {
                    let tell = |token: &u32| written(NewToken { prompt, sample, token: *token });
                    let flow = response.tokens.iter().try_for_each(tell);
                    responses[prompt][sample] = Some(response);
                    if flow.is_break() { Err(Error::Stopped) } else { Ok(()) }
                });
                if let Err(error) = heard {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(())
        })?;
        Ok(responses.into_iter().map(|group| group.into_iter().flatten().collect()).collect())
    }

    fn weights_of(&self) -> usize {
        self.weights().step
    }
}
