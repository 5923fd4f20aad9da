//! What a decoder that does not learn sees, computed once for all epochs.

use super::Prm;
use super::lesson::Lesson;
use crate::read::read;
use crate::{Result, parallel};

/// Most values that are kept, 4 bytes each. Of more examples the decoder reads everything again in every epoch.
const MOST: usize = 1 << 29;

/// The hidden states at the picks of every example, `[picks][width]` each.
#[derive(Debug)]
pub(super) struct Features {
    examples: Vec<Vec<f32>>,
    width: usize,
}

impl Features {
    /// Of `examples` examples, which `lessons` hold. `seen` hears how many passes are done and may stop the work.
    /// `None` if there would be too many values to keep.
    ///
    /// # Errors
    /// A device failure, or that of `seen`.
    pub(super) async fn of(
        prm: &Prm,
        examples: usize,
        lessons: &[Lesson],
        seen: &mut dyn FnMut(&[Lesson]) -> Result<()>,
    ) -> Result<Option<Self>> {
        let width = prm.config.hidden_size;
        if lessons.iter().map(Lesson::picks).sum::<usize>().saturating_mul(width) > MOST {
            return Ok(None);
        }
        let device = prm.model.device();
        let mut kept = vec![Vec::new(); examples];
        for group in lessons.chunks(parallel::workers(&device)) {
            let states = parallel::map(&device, group, |lesson| lesson.look(&prm.config, &prm.model));
            for (lesson, states) in group.iter().zip(states) {
                let states = read(states).await?;
                let mut from = 0;
                for &(example, picks) in lesson.examples() {
                    let to = from + picks * width;
                    kept[example] = states.get(from..to).unwrap_or_default().to_vec();
                    from = to;
                }
            }
            seen(group)?;
        }
        Ok(Some(Self { examples: kept, width }))
    }

    /// The width of a hidden state.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Those of a batch of examples, one after another.
    pub(super) fn of_batch(&self, batch: &[usize]) -> Vec<f32> {
        batch.iter().flat_map(|example| &self.examples[*example]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use minform_text::steps::PrmInput;

    use super::*;
    use crate::Error;
    use crate::config::{self, Objective};
    use crate::model::ModelConfig;
    use crate::policy::Policy;
    use crate::prm::LabelledSteps;
    use crate::prm::lesson::Examples;
    use crate::read::scalar;

    fn examples(objective: Objective) -> Examples {
        let row = |(step, good): (u32, bool)| {
            let ids = vec![9, 8, step, 4, 7, step + 1, 4];
            let input = PrmInput { ids, positions: vec![3, 6], start: 2 };
            LabelledSteps { input, labels: vec![Some(f32::from(good)), None], outcome: Some(good) }
        };
        let unjudged = LabelledSteps { labels: vec![None, None], outcome: None, ..row((30, true)) };
        let rows = [(20, true), (21, false), (22, true), (23, false)].map(row);
        Examples::new(objective, rows.into_iter().chain([unjudged]).collect())
    }

    /// What the decoder saw once gives the losses that looking again gives, in any order, and once per example.
    #[test]
    fn kept_states_give_the_same_losses() {
        let shape = ModelConfig::small(40, 16, 2, 2);
        let prm = Prm::from_policy(&Policy::new(shape, 1, &Device::flex().autodiff()), 2);
        for objective in [Objective::CrossEntropy, Objective::TokenValue, Objective::Pairwise] {
            let config = config::Prm { objective, micro_batch_tokens: 16, ..config::Prm::default() };
            let examples = examples(objective);
            let all: Vec<usize> = (0..examples.len()).collect();
            let lessons = examples.lessons(&all, &config, config.micro_batch_tokens, [1.0, 2.0]);
            let mut passes = 0;
            let mut seen = |lessons: &[Lesson]| {
                passes += lessons.len();
                Ok(())
            };
            let kept = pollster::block_on(Features::of(&prm, all.len(), &lessons, &mut seen)).unwrap().unwrap();
            assert_eq!(passes, lessons.len());
            let value = |loss| pollster::block_on(scalar(loss)).unwrap();
            let again: f32 = lessons.iter().map(|lesson| value(lesson.losses(&prm.config, &prm.model).steps)).sum();
            let backwards: Vec<usize> = all.iter().rev().copied().collect();
            let whole = examples.whole(&backwards, &config, [1.0, 2.0]);
            let once = value(whole.loss_of(&prm.model, &kept.of_batch(&backwards), kept.width()));
            assert!(again > 0.0 && (once - again).abs() < 1e-5 * again, "{objective:?}: {once} and {again}");
        }
    }

    #[test]
    fn looking_can_be_stopped() {
        let prm = Prm::from_policy(&Policy::new(ModelConfig::small(40, 16, 1, 1), 1, &Device::flex()), 2);
        let examples = examples(Objective::CrossEntropy);
        let lessons = examples.lessons(&[0, 1], &config::Prm::default(), 64, [1.0; 2]);
        let stopped = pollster::block_on(Features::of(&prm, 2, &lessons, &mut |_| Err(Error::Stopped)));
        assert!(matches!(stopped, Err(Error::Stopped)));
    }
}
