//! Decoders of the Qwen2 and Llama families.
//!
//! Field names are the tensor names of Hugging Face checkpoints, so a path such as
//! `model.layers.0.self_attn.q_proj.weight` is the same in the file and in the module.

mod attention;
mod checkpointing;
mod config;
mod cost;
mod decoder;
mod drawn;
mod files;
mod frame;
mod heads;
mod lora;
mod network;
mod operations;
mod peft;
mod storage;
mod weights;

pub use attention::{Attention, LayerCache};
pub use config::{Family, Head, Llama3Scaling, ModelConfig};
pub use cost::{Cost, Sequences};
pub use decoder::{Cache, Decoder, Layer, Mlp};
pub(crate) use drawn::drawn;
pub use files::{Loaded, ModelFiles};
pub use frame::{Frame, Rope};
pub use heads::{CausalLm, TokenClassifier, TwoLayerClassifier, ValueHeadModel, ValueModel};
pub(crate) use lora::Learned;
pub use network::{Configured, Network};
pub use operations::{Operation, operations};
pub use peft::PeftAdapter;
pub(crate) use storage::working;
pub use storage::{Quantization, Storage};
pub use weights::{from_safetensors, to_safetensors};
