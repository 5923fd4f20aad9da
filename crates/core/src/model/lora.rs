//! Low-rank adapters (LoRA, Hu et al. 2021) on the projections of a decoder, and what learns in a module.

use burn::module::{Lora, Module, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::tensor::Tensor;

use super::heads::{CausalLm, TokenClassifier};

impl CausalLm {
    /// The same policy with W + (α / rank) A B in place of each projection W of its layers; only A and B learn.
    ///
    /// B is 0 at first, so nothing changes yet. A is drawn from the device's generator.
    pub(crate) fn with_adapters(self, rank: usize, alpha: f32) -> Self {
        adapted(self, rank, alpha)
    }
}

impl TokenClassifier {
    /// The same reward model with adapters on its decoder; they and the head learn.
    pub(crate) fn with_adapters(self, rank: usize, alpha: f32) -> Self {
        adapted(self, rank, alpha).learning_head()
    }
}

fn adapted<M: Module>(model: M, rank: usize, alpha: f32) -> M {
    let projections = ParamGroup::from_predicate("_proj.weight");
    model.apply_lora(Lora::new(rank, f64::from(alpha)).set_param_group(projections))
}

/// The parameters of a module that learn, as a module of their own, in its order.
#[derive(Module, Debug)]
pub(crate) struct Learned {
    factors: Vec<Param<Tensor<2>>>,
    vectors: Vec<Param<Tensor<1>>>,
}

impl Learned {
    /// Those of `model`.
    pub(crate) fn of(model: &impl Module) -> Self {
        let mut collect = Collect(Self { factors: Vec::new(), vectors: Vec::new() });
        model.visit(&mut collect);
        collect.0
    }

    /// Puts them into `model`, of which as many must learn.
    pub(crate) fn put_into<M: Module>(self, model: M) -> M {
        model.map(&mut Put { factors: self.factors.into_iter(), vectors: self.vectors.into_iter() })
    }
}

struct Collect(Learned);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let tensor = param.val().inner();
        match *tensor.dims().as_slice() {
            [length] => self.0.vectors.push(Param::from_tensor(tensor.reshape([length]))),
            [rows, columns] => self.0.factors.push(Param::from_tensor(tensor.reshape([rows, columns]))),
            _ => {}
        }
    }
}

/// Replaces every parameter that learns by the next one of its kind.
struct Put {
    factors: std::vec::IntoIter<Param<Tensor<2>>>,
    vectors: std::vec::IntoIter<Param<Tensor<1>>>,
}

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let shape = param.dims();
        let next = match D {
            1 => self.vectors.next().map(|next| next.val().reshape(shape)),
            2 => self.factors.next().map(|next| next.val().reshape(shape)),
            _ => None,
        };
        match next {
            Some(next) => param.map(|_| Tensor::from_inner(next).require_grad()),
            None => param,
        }
    }
}
