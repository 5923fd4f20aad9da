//! What numbers step scores are.

/// The range of the scores of a process reward model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// p(good) − p(bad) ∈ (−1, 1), as PURE scores.
    Signed,
    /// p(good) ∈ (0, 1).
    Probability,
    /// Any number, positive for good: a log-ratio.
    LogRatio,
}

impl Scale {
    /// The probability that a step of this score is good: (1 + s) / 2, s itself, or σ(s).
    pub fn probability(self, score: f32) -> f32 {
        match self {
            Self::Signed => (1.0 + score) / 2.0,
            Self::Probability => score,
            Self::LogRatio => 1.0 / (1.0 + (-score).exp()),
        }
    }

    /// The score at even odds, below which a step is taken for wrong unless a model says otherwise.
    pub fn middle(self) -> f32 {
        match self {
            Self::Signed | Self::LogRatio => 0.0,
            Self::Probability => 0.5,
        }
    }
}
