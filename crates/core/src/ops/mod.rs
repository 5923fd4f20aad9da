//! What every layer of a decoder repeats, as functions of tensors: in one pass on burn's CPU backend, composed of burn's
//! operations elsewhere. Both forms are compared, values and gradients, in the tests beside them.

mod attention;
mod blocks;
mod fold;
mod gate;
#[cfg(test)]
mod half;
mod kernel;
mod lanes;
mod linear;
mod norm;
mod pick;
mod product;
mod quantized;
mod rotary;
#[cfg(test)]
mod twin;

pub(crate) use attention::{Branches, Mask, attended};
pub(crate) use fold::{beside, largest, split, total};
pub(crate) use gate::gated;
pub(crate) use kernel::fused;
pub(crate) use linear::{in_rows, mapped, mapped_by};
pub(crate) use norm::rms_norm;
pub(crate) use pick::log_prob_at;
pub(crate) use quantized::scheme;
pub(crate) use rotary::{Angles, Turn, heads, rotated};
