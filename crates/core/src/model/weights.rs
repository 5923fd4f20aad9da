//! Weights in and out as safetensors bytes with Hugging Face names.

use std::collections::BTreeSet;

use burn::store::{
    BurnToPyTorchAdapter, FloatCastAdapter, ModuleAdapter as _, ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore,
};
use burn::tensor::DType;

use crate::{Dtype, Error, Result};

/// Fills `module` from one or several safetensors files (a sharded checkpoint), any float type, cast to f32.
///
/// # Errors
/// Lists every tensor that no file holds and every one with another shape; `module` is then unusable.
pub fn from_safetensors<M: ModuleSnapshot>(module: &mut M, files: Vec<Vec<u8>>) -> Result<()> {
    let mut filling = Filling::default();
    files.into_iter().try_for_each(|file| filling.add(module, file))?;
    filling.finish()
}

/// What is known of a module that is filled file by file.
#[derive(Debug, Default)]
pub(super) struct Filling {
    missing: Option<BTreeSet<String>>,
    mismatched: Vec<String>,
}

impl Filling {
    /// Takes the tensors of one safetensors file over into `module`.
    pub(super) fn add<M: ModuleSnapshot>(&mut self, module: &mut M, file: Vec<u8>) -> Result<()> {
        let adapter = FloatCastAdapter::to(DType::F32).chain(PyTorchToBurnAdapter);
        let mut store =
            SafetensorsStore::from_bytes(Some(file)).with_from_adapter(adapter).allow_partial(true).validate(false);
        let result = module.load_from(&mut store).map_err(|error| Error::WeightFile(error.to_string()))?;
        self.mismatched.extend(result.errors.iter().map(ToString::to_string));
        let absent: BTreeSet<String> = result.missing.into_iter().map(|(path, _)| path).collect();
        self.missing = Some(match self.missing.take() {
            Some(before) => before.intersection(&absent).cloned().collect(),
            None => absent,
        });
        Ok(())
    }

    /// Whether every tensor of the module was found, and of its shape.
    pub(super) fn finish(self) -> Result<()> {
        let missing: Vec<String> = self.missing.ok_or(Error::Empty("the list of weight files"))?.into_iter().collect();
        if missing.is_empty() && self.mismatched.is_empty() {
            return Ok(());
        }
        Err(Error::Weights { missing, mismatched: self.mismatched })
    }
}

/// The weights of `module` as one safetensors file, its values of type `dtype`, that `transformers` reads.
///
/// # Errors
/// If the device cannot be read.
pub fn to_safetensors<M: ModuleSnapshot>(module: &M, dtype: Dtype) -> Result<Vec<u8>> {
    let adapter = BurnToPyTorchAdapter.chain(FloatCastAdapter::to(dtype.into()));
    let mut store =
        SafetensorsStore::from_bytes(None).with_to_adapter(adapter).clear_metadata().metadata("format", "pt");
    module.save_into(&mut store).map_err(|error| Error::WeightFile(error.to_string()))?;
    store.get_bytes().map_err(|error| Error::WeightFile(error.to_string()))
}
