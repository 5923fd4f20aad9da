//! Weights in and out as safetensors bytes with Hugging Face names.

use std::collections::BTreeSet;

use burn::store::{
    BurnToPyTorchAdapter, FloatCastAdapter, ModuleAdapter as _, ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore,
};
use burn::tensor::DType;

use crate::{Error, Result};

/// Fills `module` from one or several safetensors files (a sharded checkpoint), any float type, cast to f32.
///
/// # Errors
/// Lists every tensor that no file holds and every one with another shape; `module` is then unusable.
pub fn from_safetensors<M: ModuleSnapshot>(module: &mut M, files: Vec<Vec<u8>>) -> Result<()> {
    let mut missing: Option<BTreeSet<String>> = None;
    let mut mismatched = Vec::new();
    for file in files {
        let adapter = FloatCastAdapter::to(DType::F32).chain(PyTorchToBurnAdapter);
        let mut store =
            SafetensorsStore::from_bytes(Some(file)).with_from_adapter(adapter).allow_partial(true).validate(false);
        let result = module.load_from(&mut store).map_err(|error| Error::WeightFile(error.to_string()))?;
        mismatched.extend(result.errors.iter().map(ToString::to_string));
        let absent: BTreeSet<String> = result.missing.into_iter().map(|(path, _)| path).collect();
        missing = Some(match missing {
            Some(before) => before.intersection(&absent).cloned().collect(),
            None => absent,
        });
    }
    let missing: Vec<String> = missing.ok_or(Error::Empty("the list of weight files"))?.into_iter().collect();
    if missing.is_empty() && mismatched.is_empty() {
        return Ok(());
    }
    Err(Error::Weights { missing, mismatched })
}

/// The weights of `module` as one safetensors file that `transformers` reads.
///
/// # Errors
/// If the device cannot be read.
pub fn to_safetensors<M: ModuleSnapshot>(module: &M) -> Result<Vec<u8>> {
    let mut store = SafetensorsStore::from_bytes(None)
        .with_to_adapter(BurnToPyTorchAdapter)
        .clear_metadata()
        .metadata("format", "pt");
    module.save_into(&mut store).map_err(|error| Error::WeightFile(error.to_string()))?;
    store.get_bytes().map_err(|error| Error::WeightFile(error.to_string()))
}
