//! The one way values come back from a device: asynchronous, because a browser cannot wait.

use burn::tensor::Tensor;

use crate::{Error, Result};

/// All values of a tensor, row-major.
pub(crate) async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|error| Error::Device(error.to_string()))?;
    data.try_into_vec::<f32>().map_err(|error| Error::Device(format!("{error:?}")))
}

/// The value of a tensor `[1]`.
pub(crate) async fn scalar(tensor: Tensor<1>) -> Result<f32> {
    read(tensor).await?.first().copied().ok_or(Error::Empty("a scalar tensor"))
}
