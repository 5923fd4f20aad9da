//! The one way values come back from a device: asynchronous, because a browser cannot wait.

use std::future::poll_fn;
use std::task::Poll;

use burn::tensor::Tensor;

use crate::{Error, Result};

/// All values of a tensor, row-major.
///
/// Whoever polls gets a turn first, so that no run of the CPU keeps a browser from its events from start to end.
pub(crate) async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    turn().await;
    let data = tensor.into_data_async().await.map_err(|error| Error::Device(error.to_string()))?;
    data.try_into_vec::<f32>().map_err(|error| Error::Device(format!("{error:?}")))
}

/// The value of a tensor `[1]`.
pub(crate) async fn scalar(tensor: Tensor<1>) -> Result<f32> {
    read(tensor).await?.first().copied().ok_or(Error::Empty("a scalar tensor"))
}

/// Pending once, ready when polled again: a native program goes on at once, a browser may handle its events between.
pub(crate) async fn turn() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
