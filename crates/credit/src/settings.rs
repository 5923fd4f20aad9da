//! Settings of credit assignment, and the three sets that PURE describes.

use crate::actions::Actions;
use crate::baseline::Baseline;
use crate::estimator::Estimator;
use crate::form::CreditForm;
use crate::shaping::Shaping;

/// Values of a wrong and of a right answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VerifiableValues {
    /// Wrong 0, right 1.
    ZeroOne,
    /// Wrong −1, right 0. Under leave-one-out the shift cancels.
    MinusOneZero,
}

impl VerifiableValues {
    pub(crate) fn value(self, verified: f64) -> f64 {
        match self {
            Self::ZeroOne => verified,
            Self::MinusOneZero => verified - 1.0,
        }
    }
}

/// Reward for a right answer, placed on the last token of the response.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verifiable {
    /// Factor of the reward; 1 in all of PURE. NaN reads as 0.
    pub coefficient: f32,
    /// Values of wrong and right.
    pub values: VerifiableValues,
}

/// Where the KL penalty −β · klₜ enters the token rewards. β NaN reads as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KlPlacement {
    /// No penalty.
    None,
    /// Added to the rewards, but not averaged by the baseline.
    AfterBaseline {
        /// β.
        coefficient: f32,
    },
    /// Added to the rewards and averaged by the baseline along with the process reward.
    InsideBaseline {
        /// β.
        coefficient: f32,
    },
}

/// All choices of [`group_advantages`](crate::group_advantages).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CreditSettings {
    /// How step rewards make up the value of a response.
    pub form: CreditForm,
    /// Factor of the transformed process reward r*; 1 in all of PURE, 0 leaves it out. NaN reads as 0.
    pub process: f32,
    /// Changes to the step rewards before `form`.
    pub shaping: Shaping,
    /// How returns become advantages.
    pub estimator: Estimator,
    /// Discount γ of the return from one action to the next; 1 in all of PURE. NaN reads as 1.
    pub discount: f32,
    /// Which tokens make up one action.
    pub actions: Actions,
    /// Reward for right answers, where the question has a ground truth.
    pub verifiable: Option<Verifiable>,
    /// Where the KL penalty goes.
    pub kl: KlPlacement,
    /// Set the advantage of each step's last token (separators and end of
    /// sequence) to 0, so that nothing pushes directly on emitting them.
    pub mask_step_ends: bool,
}

/// T of the soft minimum in all of PURE.
const TEMPERATURE: f32 = 0.1;
/// β of the KL penalty in all of PURE.
const KL_COEFFICIENT: f32 = 1e-3;

impl CreditSettings {
    /// The `main` branch of PURE with the settings of its scripts: token baseline
    /// over the other responses, leave-one-out verifiable reward, KL outside the
    /// baseline, step ends masked. Expects K1 values in
    /// [`Response::kl`](crate::Response::kl).
    pub fn main() -> Self {
        Self {
            form: CreditForm::SoftMin { temperature: TEMPERATURE },
            process: 1.0,
            shaping: Shaping::default(),
            estimator: Baseline::LeaveOneOutToken.into(),
            discount: 1.0,
            actions: Actions::Token,
            verifiable: Some(Verifiable { coefficient: 1.0, values: VerifiableValues::MinusOneZero }),
            kl: KlPlacement::AfterBaseline { coefficient: KL_COEFFICIENT },
            mask_step_ends: true,
        }
    }

    /// The `verl` branch of PURE: one baseline over process, verifiable and KL
    /// reward together, no mask. Known to reward empty answers. Expects
    /// [`K3Clamped`](crate::KlEstimator::K3Clamped) values in
    /// [`Response::kl`](crate::Response::kl).
    ///
    /// `max_length` is N, the longest response that sampling allows, in tokens.
    pub fn verl(max_length: usize) -> Self {
        Self {
            estimator: Baseline::VerlToken { max_length }.into(),
            verifiable: Some(Verifiable { coefficient: 1.0, values: VerifiableValues::ZeroOne }),
            kl: KlPlacement::InsideBaseline { coefficient: KL_COEFFICIENT },
            mask_step_ends: false,
            ..Self::main()
        }
    }

    /// Eq. (7) of the paper: leave-one-out for the verifiable reward and a
    /// separate token baseline for the process reward. The equation has no KL
    /// term; the penalty is kept outside the baseline.
    ///
    /// `max_length` is N, the longest response that sampling allows, in tokens.
    pub fn paper(max_length: usize) -> Self {
        Self {
            estimator: Baseline::PaperToken { max_length }.into(),
            kl: KlPlacement::AfterBaseline { coefficient: KL_COEFFICIENT },
            ..Self::verl(max_length)
        }
    }
}
