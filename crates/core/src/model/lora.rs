//! Low-rank adapters (LoRA, Hu et al. 2021) on the projections of a policy.

use burn::module::{Lora, Module, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::tensor::Tensor;

use super::heads::CausalLm;

impl CausalLm {
    /// The same policy with W + (α / rank) A B in place of each projection W of its layers; only A and B learn.
    ///
    /// B is 0 at first, so nothing changes yet. A is drawn from the device's generator.
    pub(crate) fn with_adapters(self, rank: usize, alpha: f32) -> Self {
        let projections = ParamGroup::from_predicate("_proj.weight");
        self.apply_lora(Lora::new(rank, f64::from(alpha)).set_param_group(projections))
    }
}

/// The parameters of a module that learn through adapters, as a module of their own, in its order.
#[derive(Module, Debug)]
pub(crate) struct Adapters {
    factors: Vec<Param<Tensor<2>>>,
}

impl Adapters {
    /// Those of `model`; none if it has no adapters.
    pub(crate) fn of(model: &impl Module) -> Self {
        let mut collect = Collect(Vec::new());
        model.visit(&mut collect);
        Self { factors: collect.0 }
    }

    /// Puts them into `model`, which must have as many.
    pub(crate) fn put_into<M: Module>(self, model: M) -> M {
        model.map(&mut Put(self.factors.into_iter()))
    }
}

/// Every matrix that learns.
struct Collect(Vec<Param<Tensor<2>>>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if D == 2 && param.is_require_grad() {
            let tensor = param.val();
            let [rows, columns] = [tensor.dims()[0], tensor.dims()[1]];
            self.0.push(Param::from_tensor(tensor.inner().reshape([rows, columns])));
        }
    }
}

/// Replaces every matrix that learns by the next one.
struct Put(std::vec::IntoIter<Param<Tensor<2>>>);

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D != 2 || !param.is_require_grad() {
            return param;
        }
        match self.0.next() {
            Some(next) => {
                let shape = param.dims();
                param.map(|_| Tensor::from_inner(next.val().reshape(shape)).require_grad())
            }
            None => param,
        }
    }
}
