//! Gradients with little memory: only the inputs of the layers are kept, and each layer is run again on the way back.

use burn::module::Module as _;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};

use super::frame::Frame;
use super::heads::CausalLm;

impl CausalLm {
    /// Gradients of a loss of the hidden states, part by part; parts may share parameters, such as a tied embedding.
    ///
    /// `loss` takes hidden states `[rows, time, hidden]` and gives the loss `[1]` and figures `[n]`, which are handed
    /// on. `frame` makes the frame of a device. Beside its weights the model needs the memory of one layer at a time
    /// and of L hidden states, for about a third more work.
    pub(crate) fn checkpointed_gradients(
        &self,
        tokens: impl Fn(&Device) -> Tensor<2, Int>,
        frame: impl Fn(&Device) -> Frame,
        loss: impl FnOnce(Tensor<3>) -> (Tensor<1>, Tensor<1>),
    ) -> (Vec<GradientsParams>, Tensor<1>) {
        let device = self.device();
        let inputs = self.layer_inputs(&tokens, &frame);
        let (decoder, frame) = (&self.model, frame(&device).cast(self.model.dtype()));
        let mut parts = Vec::with_capacity(decoder.layers.len() + 2);

        let mut inputs = inputs.into_iter().rev().map(|x| Tensor::from_inner(x).require_grad());
        let Some(top) = inputs.next() else { return (parts, Tensor::zeros([1], &device)) };
        let (loss, figures) = loss(decoder.finished(top.clone()));
        let mut gradients = loss.backward();
        let mut upstream = top.grad_remove(&mut gradients);
        parts.push(GradientsParams::from_grads(gradients, self));

        for (layer, x) in decoder.layers.iter().rev().zip(inputs) {
            let Some(above) = upstream else { return (parts, figures) };
            let y = layer.forward(x.clone(), &frame, None);
            // The gradient that backward begins with is 1 for every cell.
            let mut gradients = (y * Tensor::from_inner(above)).backward();
            upstream = x.grad_remove(&mut gradients);
            parts.push(GradientsParams::from_grads(gradients, layer));
        }
        if let (true, Some(above)) = (decoder.embed_tokens.weight.is_require_grad(), upstream) {
            let x = decoder.embedded(tokens(&device));
            let gradients = (x * Tensor::from_inner(above)).backward();
            parts.push(GradientsParams::from_grads(gradients, &decoder.embed_tokens));
        }
        (parts, figures)
    }

    /// What each layer reads and what the last one gives, without gradients.
    fn layer_inputs(
        &self,
        tokens: &impl Fn(&Device) -> Tensor<2, Int>,
        frame: &impl Fn(&Device) -> Frame,
    ) -> Vec<Tensor<3>> {
        let frozen = self.model.valid();
        let device = self.device().inner();
        let frame = frame(&device).cast(self.model.dtype());
        let mut inputs = vec![frozen.embedded(tokens(&device))];
        for layer in &frozen.layers {
            let x = inputs[inputs.len() - 1].clone();
            inputs.push(layer.forward(x, &frame, None));
        }
        inputs
    }
}
