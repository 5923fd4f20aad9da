//! Scaling of rotary position embeddings, for models stretched to longer contexts.

use serde_json::{Value as Json, json};

use super::hyper::Hyper;
use super::metadata::required;
use super::{Gguf, GgufError, dequantise};

/// The tensor in which Llama 3.1 and later keep a divisor for every rotation frequency.
pub(super) const FACTORS: &str = "rope_freqs.weight";

/// `low_freq_factor`, `high_freq_factor` and `original_max_position_embeddings` of Llama 3.1 to 3.3.
const LLAMA3: (f64, f64, f64) = (1.0, 4.0, 8192.0);

/// The value of `rope_scaling` in `config.json`: null for a model without scaling.
pub(super) fn scaling(gguf: &Gguf<'_>, hyper: &Hyper) -> Result<Json, GgufError> {
    match llama3(gguf, hyper)? {
        Some(scaling) => Ok(scaling),
        None => by_metadata(gguf, hyper),
    }
}

fn by_metadata(gguf: &Gguf<'_>, hyper: &Hyper) -> Result<Json, GgufError> {
    let key = |name: &str| hyper.family.key(&format!("rope.scaling.{name}"));
    let factor = || required(&key("factor"), gguf.float(&key("factor"))?);
    match gguf.text(&key("type"))? {
        None => linear_of_old_files(gguf, hyper),
        Some("none") => Ok(Json::Null),
        Some("linear") => Ok(json!({ "rope_type": "linear", "factor": factor()? })),
        Some("yarn") => {
            let original = required(&key("original_context_length"), gguf.integer(&key("original_context_length"))?)?;
            Ok(json!({
                "rope_type": "yarn",
                "factor": factor()?,
                "original_max_position_embeddings": original,
            }))
        }
        Some(other) => Err(GgufError::Metadata {
            key: key("type"),
            problem: format!("is {other:?}, which is not converted (only none, linear and yarn); use another model"),
        }),
    }
}

/// Files of 2023 have a linear factor and no type.
fn linear_of_old_files(gguf: &Gguf<'_>, hyper: &Hyper) -> Result<Json, GgufError> {
    let factor = gguf.float(&hyper.family.key("rope.scale_linear"))?.unwrap_or(1.0);
    let scaled = (factor - 1.0).abs() > f64::EPSILON;
    Ok(if scaled { json!({ "rope_type": "linear", "factor": factor }) } else { Json::Null })
}

/// Recovers the four constants of Llama 3.1's scaling from the table of divisors in the file.
fn llama3(gguf: &Gguf<'_>, hyper: &Hyper) -> Result<Option<Json>, GgufError> {
    let Some(tensor) = gguf.tensor(FACTORS) else {
        return Ok(None);
    };
    let found = dequantise(tensor.tensor_type, tensor.bytes, tensor.shape.iter().product())?;
    let factor = found.iter().copied().fold(0.0, f32::max);
    let expected = llama3_divisors(hyper, f64::from(factor));
    let close = |(found, expected): (&f32, &f64)| (f64::from(*found) - expected).abs() <= 1e-3 * expected;
    if found.len() != expected.len() || !found.iter().zip(&expected).all(close) {
        let problem =
            "is not the table of Llama 3.1's frequency scaling; use a model with that scaling or none".to_owned();
        return Err(GgufError::Tensor { tensor: FACTORS.to_owned(), problem });
    }
    // A table of ones scales nothing.
    Ok((factor > 1.0).then(|| {
        let (low, high, original) = LLAMA3;
        json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": low,
            "high_freq_factor": high,
            "original_max_position_embeddings": original as u64,
        })
    }))
}

/// The divisor of each frequency: 1 for short waves, `factor` for long ones, a blend between them.
fn llama3_divisors(hyper: &Hyper, factor: f64) -> Vec<f64> {
    let (low, high, original) = LLAMA3;
    let divisor = |i: usize| {
        let wavelength = std::f64::consts::TAU * hyper.rope_theta.powf(2.0 * i as f64 / hyper.head_dim as f64);
        let smooth = ((original / wavelength - low) / (high - low)).clamp(0.0, 1.0);
        1.0 / ((1.0 - smooth) / factor + smooth)
    };
    (0..hyper.head_dim / 2).map(divisor).collect()
}
