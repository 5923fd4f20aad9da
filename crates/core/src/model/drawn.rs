//! Parameters drawn at random.
//!
//! burn's CPU backend has one generator for the whole process, and draws a parameter when it is first looked at. So
//! that the same seed gives the same parameters whatever other threads do, one thread at a time seeds and draws.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

static GENERATOR: Mutex<()> = Mutex::new(());

/// While this is held no other thread draws parameters.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    // Nothing is kept behind the lock that a panic could have left half done.
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `make` makes, its parameters drawn from `seed`.
pub(crate) fn drawn<M: Module>(device: &Device, seed: u64, make: impl FnOnce() -> M) -> M {
    let _alone = alone();
    device.seed(seed);
    let made = make();
    made.visit(&mut Look);
    made
}

/// Looks at every parameter.
struct Look;

impl ModuleVisitor for Look {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}
