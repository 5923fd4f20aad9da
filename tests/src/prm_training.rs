//! Training of process reward models: every objective learns, a training that was stopped goes on as if it had not
//! been, and what an adapter holds is what was learned.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use minform_core::Dtype;
use minform_core::config::{self, Balance, Objective, Optimizer};
use minform_core::event::Event;
use minform_core::model::{ModelConfig, PeftAdapter};
use minform_core::policy::Policy;
use minform_core::prm::{self, LabelledSteps, Prm, PrmTraining};
use minform_text::steps::PrmInput;
use serde_json::json;

use crate::program::{last_json, minform, stderr};

fn tiny() -> Prm {
    let shape = ModelConfig { classifier_dropout: 0.1, ..ModelConfig::small(64, 16, 2, 2) };
    Prm::from_policy(&Policy::new(shape, 2, &Device::flex().autodiff()), 3)
}

/// Two steps each; a first step with an even token is good, and the answer is right where it is.
fn data() -> Vec<LabelledSteps> {
    let row = |(index, token): (u32, u32)| {
        let good = token % 2 == 0;
        let input = PrmInput { ids: vec![40, token, 4, 30 + index % 3, 4], positions: vec![2, 4], start: 1 };
        LabelledSteps { input, labels: vec![Some(f32::from(good)), None], outcome: Some(good) }
    };
    (0..).zip(50..62).map(row).collect()
}

fn config(objective: Objective) -> config::Prm {
    let fast = |lr| Optimizer { lr, weight_decay: 0.0, ..Optimizer::default() };
    config::Prm {
        objective,
        head_epochs: 2,
        full_epochs: 30,
        batch: 6,
        micro_batch_tokens: 16,
        evaluate_every: 7,
        head_optimizer: fast(1e-2),
        full_optimizer: fast(1e-2),
        ..config::Prm::default()
    }
}

fn listen(_: Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn scores(prm: &Prm, rows: &[LabelledSteps]) -> Vec<f32> {
    let inputs: Vec<PrmInput> = rows.iter().map(|row| row.input.clone()).collect();
    let scores = pollster::block_on(prm::score(&prm.frozen(), &inputs, 64, &mut |_| true)).unwrap();
    scores.iter().map(|scores| scores[0]).collect()
}

#[test]
fn every_objective_learns_to_tell_good_steps_from_bad() {
    // As many as are paired after one beginning.
    let rows = data()[..4].to_vec();
    for objective in [Objective::CrossEntropy, Objective::TokenValue, Objective::Pairwise] {
        for rank in [0, 4] {
            let balance = if objective == Objective::CrossEntropy { Balance::Equal } else { Balance::None };
            let config = config::Prm { lora: config::Lora { rank, alpha: 16.0 }, balance, ..config(objective) };
            let mut training = PrmTraining::new(tiny(), &config, rows.clone(), Vec::new(), 1).unwrap();
            pollster::block_on(training.run(&mut listen)).unwrap();
            let scores = scores(training.prm(), &rows);
            let of = |good| {
                let kind = rows.iter().zip(&scores).filter(move |(row, _)| row.outcome == Some(good));
                kind.map(|(_, score)| *score)
            };
            let (worst, best) = (of(true).fold(f32::MAX, f32::min), of(false).fold(f32::MIN, f32::max));
            assert!(worst > best, "{objective:?} rank {rank}: good {worst}, bad {best}");
        }
    }
}

#[test]
fn nothing_to_learn_from_is_an_error() {
    let unjudged = LabelledSteps { labels: vec![None, None], outcome: None, ..data()[0].clone() };
    let new = |objective, rows| PrmTraining::new(tiny(), &config(objective), rows, Vec::new(), 1).map(|_| ());
    assert!(new(Objective::CrossEntropy, vec![unjudged.clone()]).unwrap_err().to_string().contains("is empty"));
    let one_way = LabelledSteps { labels: vec![Some(1.0), None], ..unjudged };
    let error = new(Objective::Pairwise, vec![one_way]).unwrap_err().to_string();
    assert!(error.contains("no problem has a good and a bad step"), "{error}");
    let refused = |config: config::Prm| {
        PrmTraining::new(tiny(), &config, data(), Vec::new(), 1).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(config::Prm { text_loss: 1.0, ..config(Objective::Pairwise) }).contains("prm.text_loss"));
    assert!(refused(config::Prm { balance: Balance::Equal, ..config(Objective::Pairwise) }).contains("prm.balance"));
}

/// The events of a training from a point on, and its weights.
fn finished(training: &mut PrmTraining) -> (Vec<Event>, Vec<u8>) {
    let mut events = Vec::new();
    let mut hear = |event: Event| {
        events.push(event);
        ControlFlow::Continue(())
    };
    pollster::block_on(training.run(&mut hear)).unwrap();
    (events, training.prm().to_safetensors().unwrap())
}

fn shown(events: &[Event]) -> Vec<String> {
    let told = events.iter().filter(|event| matches!(event, Event::PrmStep(_) | Event::PrmQuality(_)));
    told.map(|event| serde_json::to_string(event).unwrap()).collect()
}

#[test]
fn a_stopped_training_goes_on_as_if_it_had_not_been() {
    for (rank, patience, stops) in [(0, 0, 3), (0, 0, 20), (4, 2, 3), (4, 2, 11)] {
        let config = config::Prm {
            full_epochs: 12,
            patience,
            lora: config::Lora { rank, alpha: 8.0 },
            ..config(Objective::CrossEntropy)
        };
        let (training, held_out) = (data()[..9].to_vec(), data()[9..].to_vec());
        let fresh = || PrmTraining::new(tiny(), &config, training.clone(), held_out.clone(), 1).unwrap();
        let mut whole = fresh();
        for _ in 0..stops {
            assert!(pollster::block_on(whole.advance(&mut listen)).unwrap());
        }
        let snapshot = whole.snapshot().unwrap();
        let mut other = fresh();
        other.restore(snapshot).unwrap();
        assert_eq!(other.step(), stops);
        let (events, weights) = finished(&mut whole);
        let (events_of_other, weights_of_other) = finished(&mut other);
        assert_eq!(shown(&events), shown(&events_of_other), "rank {rank}, stopped at {stops}");
        assert!(weights == weights_of_other, "rank {rank}, stopped at {stops}");
    }
}

#[test]
fn a_decoder_that_does_not_learn_reads_everything_once() {
    let config = config::Prm { head_epochs: 3, full_epochs: 0, evaluate_every: 0, ..config(Objective::CrossEntropy) };
    let rows = data();
    let fresh = || PrmTraining::new(tiny(), &config, rows.clone(), Vec::new(), 1).unwrap();
    let read = |events: &[Event]| {
        let of = |event: &Event| match event {
            Event::PhaseFinished { tokens, .. } => Some(*tokens),
            _ => None,
        };
        events.iter().find_map(of).unwrap()
    };
    let once: usize = rows.iter().map(|row| row.input.ids.len()).sum();
    let (events, weights) = finished(&mut fresh());
    assert_eq!(read(&events), once);
    let mut begun = fresh();
    for _ in 0..3 {
        assert!(pollster::block_on(begun.advance(&mut listen)).unwrap());
    }
    let mut resumed = fresh();
    resumed.restore(begun.snapshot().unwrap()).unwrap();
    let (events, again) = finished(&mut resumed);
    assert_eq!((read(&events), again == weights), (once, true));
    // One epoch reads as it learns; text to predict is read in every epoch.
    let single = config::Prm { head_epochs: 1, ..config.clone() };
    let mut single = PrmTraining::new(tiny(), &single, rows.clone(), Vec::new(), 1).unwrap();
    assert_eq!(read(&finished(&mut single).0), once);
}

#[test]
fn patience_ends_a_stage_with_its_best_weights() {
    let rows = data();
    let mut stopped = 0;
    let config = config::Prm { patience: 1, head_epochs: 0, ..config(Objective::CrossEntropy) };
    let mut training = PrmTraining::new(tiny(), &config, rows[..6].to_vec(), rows[6..].to_vec(), 1).unwrap();
    let mut best = (f32::MIN, Vec::new());
    while pollster::block_on(training.advance(&mut |event| {
        if let Event::PrmQuality(quality) = event {
            let auc = quality.auc.unwrap();
            stopped += 1;
            if auc > best.0 {
                best.0 = auc;
            }
        }
        ControlFlow::Continue(())
    }))
    .unwrap()
    {}
    best.1 = scores(training.prm(), &rows[6..]);
    let pairs: Vec<(f32, bool)> =
        best.1.iter().zip(&rows[6..]).map(|(s, row)| (*s, row.outcome == Some(true))).collect();
    assert_eq!(prm::area_under_roc(&pairs), Some(best.0));
    assert!(training.step() < training.steps() && stopped > 1, "{} of {}", training.step(), training.steps());
}

#[test]
fn an_adapter_holds_what_was_learned() {
    let lora = config::Lora { rank: 4, alpha: 8.0 };
    let config = config::Prm { full_epochs: 4, lora: lora.clone(), ..config(Objective::CrossEntropy) };
    let mut training = PrmTraining::new(tiny(), &config, data(), Vec::new(), 1).unwrap();
    pollster::block_on(training.run(&mut listen)).unwrap();
    let learned = scores(training.prm(), &data());
    let model = training.prm().model.clone();
    let adapter = pollster::block_on(PeftAdapter::of(&model, lora.rank, lora.alpha)).unwrap();
    let files = adapter.files("base", Dtype::F32).unwrap();
    let base = tiny().frozen();
    assert!(scores(&base, &data()) != learned);
    let read = PeftAdapter::from_files(&files[0].1, &files[1].1).unwrap();
    let folded = Prm { model: read.fold_into(base.model.clone()).unwrap(), config: base.config.clone() };
    for (found, expected) in scores(&folded, &data()).iter().zip(&learned) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }
    let half = adapter.files("base", Dtype::F16).unwrap();
    // Beside the header, which is most of so small a file.
    assert!(half[1].1.len() < files[1].1.len());
    let told: serde_json::Value = serde_json::from_slice(&files[0].1).unwrap();
    assert_eq!(told["target_modules"].as_array().unwrap().len(), 7);
    // Of another shape, or of another kind.
    let wide = Prm::from_policy(&Policy::new(ModelConfig::small(64, 32, 2, 2), 2, &Device::flex()), 3);
    assert!(read.fold_into(wide.model).unwrap_err().to_string().contains("q_proj"));
    let other = br#"{"peft_type": "LOHA", "r": 4, "lora_alpha": 8}"#;
    assert!(PeftAdapter::from_files(other, &files[1].1).unwrap_err().to_string().contains("peft_type"));
}

fn write(folder: &Path, name: &str, rows: &[serde_json::Value]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")).unwrap();
    path.display().to_string()
}

/// Trains the small reward model of the fixtures further, with the program.
#[test]
fn the_program_trains_and_refuses_evaluation_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let row = |index: usize| {
        let wrong = index.is_multiple_of(3);
        let result = if wrong { index } else { 2 * index };
        json!({ "prompt": format!("{index} + {index}?"), "completions": [format!("{index} + {index} = {result}"), "Done."], "labels": [!wrong, !wrong] })
    };
    let rows: Vec<_> = (1..25).map(row).collect();
    let data = write(folder.path(), "rows.jsonl", &rows);
    let model = crate::fixture::folder("families/pure").display().to_string();
    let train = |out: &str, more: &[&str]| {
        let out = path(out);
        let base = ["prm", "train", "--model", &model, "--data", &data, "--out", &out, "--json"];
        let set =
            ["prm.lora.rank=2", "prm.batch=4", "prm.full_epochs=2", "prm.checkpoint_every=3", "prm.validation=0.25"];
        let set: Vec<&str> = set.iter().flat_map(|setting| ["--set", setting]).collect();
        minform(&[&base[..], &set, more].concat())
    };
    let whole = last_json(&train("whole", &[]));
    assert_eq!((whole["steps"].as_u64(), whole["stopped"].as_bool()), (Some(25), Some(false)));
    assert!(whole["quality"]["calibration"]["ece"].is_number() && whole["threshold"].is_number(), "{whole}");
    // The adapter on the model it was trained from gives the scores of the saved model, up to half precision.
    let score = |arguments: &[&str]| -> Vec<f64> {
        let output = minform(&[&["prm", "score", "--data", &data, "--limit", "4"], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let lines = crate::program::stdout(&output);
        let rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.map(|row| row["min"].as_f64().unwrap()).collect()
    };
    let saved = score(&["--prm", &path("whole/prm")]);
    let adapted = score(&["--prm", &model, "--adapter", &path("whole/adapter")]);
    let folded = path("folded");
    assert!(minform(&["import", &model, "--adapter", &path("whole/adapter"), "--out", &folded]).status.success());
    for ((saved, adapted), folded) in saved.iter().zip(&adapted).zip(score(&["--prm", &folded])) {
        assert!((saved - adapted).abs() < 2e-3 && (adapted - folded).abs() < 1e-6, "{saved} {adapted} {folded}");
    }
    let again = train("again", &["--resume"]);
    assert!(again.status.success() && stderr(&again).contains("held out"), "{}", stderr(&again));
    let complete = train("again", &["--resume"]);
    assert!(complete.status.success() && stderr(&complete).contains("complete"), "{}", stderr(&complete));
    // A training that failed has left no checkpoint either, but is not complete.
    std::fs::remove_file(folder.path().join("again/.complete")).unwrap();
    let failed = train("again", &["--resume"]);
    assert!(!failed.status.success() && stderr(&failed).contains("no checkpoint"), "{}", stderr(&failed));
    let refused = train("again", &[]);
    assert!(stderr(&refused).contains("--resume"), "{}", stderr(&refused));
    let benchmark = json!({ "problem": "p", "steps": ["a"], "label": 0, "final_answer_correct": false });
    let benchmark = write(folder.path(), "harmless.jsonl", &[benchmark]);
    let refused = train("refused", &["--data", &benchmark]);
    assert!(!refused.status.success() && stderr(&refused).contains("--i-know"), "{}", stderr(&refused));
    let known = train("known", &["--data", &benchmark, "--i-know"]);
    assert!(known.status.success(), "{}", stderr(&known));
    let exclude = write(folder.path(), "exclude.jsonl", &rows[..3]);
    let problem = json!({ "question": "4 + 4?", "answer": "4 + 4 = 8\n#### 8" });
    let problems = write(folder.path(), "problems.jsonl", &[problem]);
    let without = train("without", &["--exclude", &exclude, &problems]);
    assert!(stderr(&without).contains("4 solutions left out"), "{}", stderr(&without));
    assert!(stderr(&without).contains("optimizer steps teach little"), "{}", stderr(&without));
    let unlabelled = train("unlabelled", &["--data", &problems]);
    assert!(stderr(&unlabelled).contains("minform label"), "{}", stderr(&unlabelled));
    // An adapter knows what it goes on, and a model folder what it is not.
    let refused = |prm: &str, more: &[&str]| {
        let output = minform(&[&["prm", "score", "--data", &data, "--prm", prm], more].concat());
        assert!(!output.status.success());
        stderr(&output)
    };
    let policy = crate::fixture::folder("../../web/models/nano/policy").display().to_string();
    assert!(refused(&policy, &["--adapter", &path("whole/adapter")]).contains("learned on top of a reward model"));
    assert!(refused(&model, &["--adapter", &path("whole")]).contains("name the adapter in it"));
    assert!(refused(&model, &["--adapter", &data]).contains("holds no adapter"));
    assert!(refused(&path("whole/adapter"), &[]).contains("is an adapter"));
}
