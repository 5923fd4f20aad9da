//! How times and memory grow.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use minform_core::model::{ModelConfig, Sequences};
use serde::Serialize;
use serde_json::Value;

use super::{Bencher, Size, median};
use crate::cli::Bench;

impl Bencher {
    /// How times and memory grow with the rows, the tokens of each, and the width of the network: each of three sizes in
    /// a process of its own.
    pub(super) fn growth(
        &self,
        options: &Bench,
        Size { sequences: Sequences { rows, tokens }, .. }: Size,
    ) -> Result<Vec<Growth>> {
        let narrow = &self.shape;
        let wide = |factor: usize| ModelConfig {
            hidden_size: factor * narrow.hidden_size,
            intermediate_size: factor * narrow.intermediate_size,
            num_attention_heads: factor * narrow.num_attention_heads,
            num_key_value_heads: factor * narrow.num_key_value_heads,
            ..narrow.clone()
        };
        let courses: [(&'static str, Vec<(ModelConfig, Sequences)>); 3] = [
            ("rows", [1, 2, 4].map(|part| (narrow.clone(), Sequences { rows: part * (rows / 4), tokens })).into()),
            ("tokens", [1, 2, 4].map(|part| (narrow.clone(), Sequences { rows, tokens: part * (tokens / 4) })).into()),
            ("width", [1, 2, 4].map(|factor| (wide(factor), Sequences { rows, tokens })).into()),
        ];
        let mut growth = Vec::new();
        for (with, sizes) in courses {
            let told =
                sizes.iter().map(|(shape, size)| self.elsewhere(options, shape, *size)).collect::<Result<Vec<_>>>();
            // The largest networks may not fit, which is no reason to lose the rest.
            let told = match told {
                Ok(told) => told,
                Err(error) => {
                    eprintln!("warning: growth with {with} is left out: {error:#}");
                    continue;
                }
            };
            let found = Growth::of(with, &told);
            found.iter().try_for_each(|one| self.tell(&one.line()))?;
            growth.extend(found);
        }
        Ok(growth)
    }

    /// What this command finds of one shape and size, in a process of its own.
    fn elsewhere(&self, options: &Bench, shape: &ModelConfig, Sequences { rows, tokens }: Sequences) -> Result<Value> {
        let place = tempfile::tempdir()?;
        let settings = place.path().join("settings.toml");
        fs::write(place.path().join("config.json"), shape.to_json().to_string())?;
        fs::write(&settings, toml::to_string(&self.config)?)?;
        let numbers = [
            ("--rows", rows),
            ("--tokens", tokens),
            ("--new-tokens", options.new_tokens),
            ("--repeats", options.repeats),
        ];
        let told = Command::new(std::env::current_exe()?)
            .args(["bench", "--json", "--device", &options.common.device])
            .arg("--shape")
            .arg(place.path())
            .arg("--config")
            .arg(&settings)
            .args(numbers.iter().flat_map(|(name, number)| [(*name).to_owned(), number.to_string()]))
            .stderr(Stdio::inherit())
            .output()?;
        if !told.status.success() {
            bail!("{rows} rows of {tokens} tokens of a network of width {}: {}", shape.hidden_size, told.status);
        }
        Ok(serde_json::from_slice(&told.stdout)?)
    }
}

/// How something grows: value ∝ sizeᵃ.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Growth {
    what: String,
    with: &'static str,
    /// a, from a quarter of the size to the whole.
    exponent: f64,
    /// The same from a quarter to a half and from a half to the whole, the smaller one first.
    parts: [f64; 2],
}

impl Growth {
    /// The growth of every phase's time and of the memory, from what was found at three sizes.
    fn of(with: &'static str, told: &[Value]) -> Vec<Self> {
        let phases = told.first().and_then(|told| told["phases"].as_array()).map_or(0, Vec::len);
        let time = |phase: usize| {
            let seconds = |told: &Value| {
                let all: Vec<f64> =
                    serde_json::from_value(told["phases"][phase]["seconds"].clone()).unwrap_or_default();
                median(&all)
            };
            let name = told[0]["phases"][phase]["phase"].as_str().unwrap_or_default();
            Self::from_sizes(format!("time of {name}"), with, told.iter().map(seconds).collect())
        };
        let peak = |told: &Value| told["peak_memory_mb"].as_f64().unwrap_or(f64::NAN);
        let memory = Self::from_sizes("peak memory".into(), with, told.iter().map(peak).collect());
        (0..phases).filter_map(time).chain(memory).collect()
    }

    /// From the values at three sizes, each twice the one before.
    fn from_sizes(what: String, with: &'static str, values: Vec<f64>) -> Option<Self> {
        let [quarter, half, whole] = <[f64; 3]>::try_from(values).ok()?.map(f64::log2);
        let mut parts = [half - quarter, whole - half];
        parts.sort_by(f64::total_cmp);
        (whole - quarter).is_finite().then_some(Self { what, with, exponent: (whole - quarter) / 2.0, parts })
    }

    fn line(&self) -> String {
        let Self { what, with, exponent, parts: [low, high] } = self;
        format!("{what:<19} grows as {with}^{exponent:.2} ({low:.2} to {high:.2})")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exponents_are_those_of_powers() {
        let told: Vec<Value> = [1.0, 2.0, 4.0]
            .map(|size: f64| {
                json!({ "phases": [{ "phase": "scoring", "seconds": [size, size * size, 99.0] }], "peak_memory_mb": 8.0 })
            })
            .into();
        let growth =
            |what: &str, exponent: f64| Growth { what: what.into(), with: "rows", exponent, parts: [exponent; 2] };
        assert_eq!(Growth::of("rows", &told), [growth("time of scoring", 2.0), growth("peak memory", 0.0)]);
        let uneven = Growth::from_sizes("x".into(), "rows", vec![1.0, 2.0, 8.0]).unwrap();
        assert_eq!((uneven.exponent, uneven.parts), (1.5, [1.0, 2.0]));
        assert_eq!(Growth::from_sizes("x".into(), "rows", vec![1.0, f64::NAN, f64::NAN]), None);
    }
}
