//! New weights for the servers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::PoisonError;

use anyhow::{Context as _, Result, bail};
use minform_core::Dtype;
use minform_core::model::PeftAdapter;
use minform_core::train::Rl;
use serde_json::json;

use super::{Servers, Weights};
use crate::cli::{HandOver, RolloutOptions, Train};
use crate::folder::{Folder, write_folder};

impl Servers {
    /// Hands the policy as it stands to the servers, where what they have would be too old for the next update.
    pub(crate) fn renew(&self, options: &Train, rl: &Rl, folder: &Folder, out: &Path) -> Result<()> {
        if rl.rollout_age().unwrap_or(0) <= rl.config().rollouts.max_age {
            return Ok(());
        }
        let place = out.join("handover");
        match options.rollouts.hand_over {
            // The next update says that the weights are too old.
            HandOver::None => Ok(()),
            HandOver::Lora => {
                let base = options.model.as_deref().unwrap_or(Path::new(""));
                self.load_adapter(rl, &base.display().to_string(), &place)
            }
            HandOver::Folder => self.swap_folder(&options.rollouts, rl, folder, &place),
        }
    }

    /// vLLM and SGLang take adapters while they run.
    fn load_adapter(&self, rl: &Rl, base: &str, place: &Path) -> Result<()> {
        let (step, lora) = (rl.step(), &rl.config().lora);
        let adapter = pollster::block_on(PeftAdapter::of(&rl.policy().model, lora.rank, lora.alpha))?;
        let name = format!("minform-{step}");
        let path = place.join(&name);
        write_folder(&path, &adapter.files(base, Dtype::F32)?)?;
        let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
        let before = self.weights().name;
        for endpoint in &self.endpoints {
            let body = json!({ "lora_name": name, "lora_path": path });
            let loaded = self.exchange(self.client.post(format!("{endpoint}/v1/load_lora_adapter")).json(&body));
            loaded.map_err(anyhow::Error::from).context(
                "the server does not take the adapter; vLLM wants --enable-lora and \
                 VLLM_ALLOW_RUNTIME_LORA_UPDATING=True",
            )?;
            if before.starts_with("minform-") {
                let body = json!({ "lora_name": before });
                self.exchange(self.client.post(format!("{endpoint}/v1/unload_lora_adapter")).json(&body))?;
            }
        }
        if before.starts_with("minform-") {
            fs::remove_dir_all(place.join(&before)).with_context(|| format!("cannot remove the adapter {before}"))?;
        }
        self.hold(Weights { name, step });
        Ok(())
    }

    /// The whole policy in one place, and a command that makes the servers read it.
    fn swap_folder(&self, options: &RolloutOptions, rl: &Rl, folder: &Folder, place: &Path) -> Result<()> {
        let path = place.join("policy");
        folder.save(&path, &rl.policy().config, rl.policy().to_safetensors()?)?;
        let command = options.hand_over_command.as_deref().unwrap_or_default();
        let status = Command::new("sh").args(["-c", command]).env("MINFORM_POLICY", &path).status();
        let status = status.with_context(|| format!("cannot run {command:?}"))?;
        if !status.success() {
            bail!("--hand-over-command ended with {status}");
        }
        self.hold(Weights { step: rl.step(), ..self.weights() });
        Ok(())
    }

    fn hold(&self, weights: Weights) {
        *self.weights.lock().unwrap_or_else(PoisonError::into_inner) = weights;
    }
}
