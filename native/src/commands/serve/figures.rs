//! What the service tells Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The form of [`Figures::text`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    path: String,
    status: u32,
}

/// Counters of the service since it started.
#[derive(Debug)]
pub(super) struct Figures {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Histogram,
    rows: Counter,
    tokens: Counter,
    batches: Histogram,
    waiting: Gauge,
}

impl Default for Figures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("minform");
        let requests = Family::default();
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let (rows, tokens) = (Counter::default(), Counter::default());
        let batches = Histogram::new(exponential_buckets(1.0, 2.0, 12));
        let waiting = Gauge::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit("request", "Time from a request to its answer", Unit::Seconds, seconds.clone());
        registry.register("rows", "Solutions scored", rows.clone());
        registry.register("tokens", "Tokens read", tokens.clone());
        registry.register("batch_rows", "Solutions scored together", batches.clone());
        registry.register("waiting", "Requests in the queue", waiting.clone());
        Self { registry, requests, seconds, rows, tokens, batches, waiting }
    }
}

impl Figures {
    pub(super) fn answered(&self, path: String, status: u16, time: Duration) {
        if path == "/v1/score" {
            self.seconds.observe(time.as_secs_f64());
        }
        self.requests.get_or_create(&Answered { path, status: status.into() }).inc();
    }

    pub(super) fn batch(&self, rows: usize, tokens: usize) {
        self.rows.inc_by(rows as u64);
        self.tokens.inc_by(tokens as u64);
        self.batches.observe(rows as f64);
    }

    /// All figures; `waiting` requests are in the queue at the moment.
    pub(super) fn text(&self, waiting: usize) -> Result<String, fmt::Error> {
        self.waiting.set(waiting as i64);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
