//! Hugging Face model folders on disk, read whole and written atomically.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use burn::tensor::Device;
use minform_core::Dtype;
use minform_core::model::{Head, ModelConfig, PeftAdapter, Storage};
use minform_core::policy::Policy;
use minform_core::prm::{Prm, PrmParts, StepScorer, load};
use minform_text::layout::{Layout, PrmFamily};
use minform_text::prompter::Prompter;
use minform_text::tokenizer::Tokenizer;
use serde_json::Value;

/// Files beside the weights, carried along when a model is saved again.
const COMPANIONS: [&str; 5] =
    ["tokenizer.json", TOKENIZER_CONFIG, "chat_template.jinja", "generation_config.json", "special_tokens_map.json"];

const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// What an adapter of `prm train` says beside PEFT's files.
pub(crate) const OWN: &str = "minform.json";

/// PEFT's own description of an adapter.
const ADAPTER: &str = "adapter_config.json";

/// What `tokenizer_config.json` says of a model that wants questions as they are.
const RAW: &str = r#"{"minform": {"prompt": "raw"}}"#;

/// Everything of a model folder but its weights.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    pub(crate) config: ModelConfig,
    /// The family of the reward model it holds, as far as that can be told.
    family: Option<PrmFamily>,
    pub(crate) tokenizer: Tokenizer,
    companions: Vec<(String, Vec<u8>)>,
}

impl Folder {
    /// Reads configuration and tokenizer.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            bail!("{} is not a folder; expected a Hugging Face model folder with config.json", path.display());
        }
        let inner = ["policy", "prm"].map(|name| path.join(name));
        let models: Vec<_> = inner.iter().filter(|inner| inner.join("config.json").exists()).collect();
        if !path.join("config.json").exists() && !models.is_empty() {
            let names: Vec<String> = models.iter().map(|model| model.display().to_string()).collect();
            bail!("{} is a run folder; name the model in it: {}", path.display(), names.join(" or "));
        }
        if !path.join("config.json").exists() && path.join(ADAPTER).exists() {
            bail!("{} is an adapter; give the model it goes on here, and this with --adapter", path.display());
        }
        let json = read(&path.join("config.json"))?;
        let mut config =
            ModelConfig::from_json(&json).with_context(|| path.join("config.json").display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let family = PrmFamily::detect(&serde_json::from_slice(&json)?, &name);
        let companions: Vec<(String, Vec<u8>)> =
            COMPANIONS.iter().filter_map(|name| Some((name.to_string(), fs::read(path.join(name)).ok()?))).collect();
        if let Some((_, bytes)) = companions.iter().find(|(name, _)| name == "generation_config.json") {
            config = config.with_generation_config(bytes);
        }
        let tokenizer = Tokenizer::from_json(&read(&path.join("tokenizer.json"))?)
            .with_context(|| path.join("tokenizer.json").display().to_string())?;
        Ok(Self { path: path.into(), config, family, tokenizer, companions })
    }

    /// A folder that exists only in memory so far, of a model that wants questions as they are.
    pub(crate) fn new(config: ModelConfig, tokenizer: Tokenizer) -> Result<Self> {
        let companions = [("tokenizer.json", tokenizer.to_json()?), (TOKENIZER_CONFIG, RAW.into())];
        let companions = companions.map(|(name, text)| (name.to_string(), text.into_bytes())).into();
        Ok(Self { path: PathBuf::new(), config, family: None, tokenizer, companions })
    }

    /// Whether its tokenizer is that of another model.
    pub(crate) fn reads_as(&self, other: &Self) -> Result<bool> {
        let (own, other) = (&self.tokenizer, &other.tokenizer);
        Ok(own.vocabulary_size() == other.vocabulary_size() && own.to_json()? == other.to_json()?)
    }

    /// Refuses a folder that does not hold a language model.
    pub(crate) fn expect_policy(&self) -> Result<()> {
        match self.config.head {
            Head::Language => Ok(()),
            _ => bail!("{} holds a process reward model, not a language model", self.path.display()),
        }
    }

    /// Refuses a folder that does not hold a process reward model of the kind that is trained here.
    pub(crate) fn expect_prm(&self) -> Result<()> {
        match self.config.head {
            Head::Classifier => Ok(()),
            Head::Language => bail!(
                "{} holds a language model, not a process reward model; see `minform prm train`",
                self.path.display()
            ),
            Head::TwoLayer | Head::Value => bail!(
                "{} holds a process reward model of another family, which can score (`minform prm score`) but not train",
                self.path.display()
            ),
        }
    }

    /// The family of its reward model: the given one, or what can be told.
    pub(crate) fn family(&self, given: Option<PrmFamily>) -> Result<PrmFamily> {
        given.or(self.family).with_context(|| {
            format!(
                "{} holds a language model; if it judges steps, say how with --family math-shepherd, rlhflow or implicit, \
                 and if it is to be trained for that, see `minform prm train`",
                self.path.display()
            )
        })
    }

    /// How a reward model of a family is shown solutions.
    pub(crate) fn layout(&self, family: PrmFamily) -> Result<Layout> {
        let jinja = self.companion("chat_template.jinja").map(String::from_utf8_lossy);
        Layout::new(family, &self.tokenizer, self.companion(TOKENIZER_CONFIG), jinja.as_deref())
            .with_context(|| self.path.display().to_string())
    }

    /// A reward model of a family; `reference` is that of an implicit one, with its weight.
    pub(crate) fn scorer(
        &self,
        layout: &Layout,
        reference: Option<(Policy, f32)>,
        storage: Storage,
        device: &Device,
    ) -> Result<Box<dyn StepScorer>> {
        let (config, weights, answers) = (self.config.clone(), self.weights()?, layout.answers());
        let parts = PrmParts { config, weights, answers, reference, storage };
        load(layout.family(), parts, device).with_context(|| self.path.display().to_string())
    }

    /// The reward model that an adapter makes of this model, and the folder as it then is.
    pub(crate) fn with_adapter(mut self, adapter: &Path, device: &Device) -> Result<(Self, Prm)> {
        if !adapter.join(ADAPTER).exists() {
            let inner = adapter.join("adapter");
            match inner.join(ADAPTER).exists() {
                true => bail!("{} is a run folder; name the adapter in it: {}", adapter.display(), inner.display()),
                false => bail!("{} holds no adapter; expected {ADAPTER} in it", adapter.display()),
            }
        }
        let (kind, own) = (kind(self.config.head), adapter.join(OWN));
        let own: Value = match own.exists() {
            true => serde_json::from_slice(&read(&own)?).with_context(|| own.display().to_string())?,
            false => Value::Null,
        };
        let name = || adapter.display().to_string();
        if let Some(base) = own["base"].as_str().filter(|base| *base != kind) {
            let path = self.path.display();
            bail!("{} was learned on top of a {base}, and {path} is a {kind}; give its own base", name());
        }
        let base = match self.config.head {
            Head::Language => Prm::from_policy(&self.policy(device)?, 0),
            _ => self.prm(device)?,
        };
        let files = [ADAPTER, "adapter_model.safetensors"].map(|name| read(&adapter.join(name)));
        let [config, weights] = files;
        let learned = PeftAdapter::from_files(&config?, &weights?).with_context(name)?;
        if self.config.head == Head::Language && !learned.has_head() {
            bail!("{} brings no head (score.weight, score.bias) to a language model; it is no reward model", name());
        }
        let model = learned.fold_into(base.model).with_context(name)?;
        self.config = base.config;
        if !own.is_null() {
            self.config.threshold = own["threshold"].as_f64().map(|threshold| threshold as f32);
        }
        self.family = Some(PrmFamily::Pure);
        let model = Prm { config: self.config.clone(), model };
        Ok((self, model))
    }

    pub(crate) fn policy(&self, device: &Device) -> Result<Policy> {
        self.expect_policy()?;
        Policy::from_files(self.config.clone(), self.weights()?, device)
            .with_context(|| self.path.display().to_string())
    }

    pub(crate) fn prm(&self, device: &Device) -> Result<Prm> {
        self.expect_prm()?;
        Prm::from_files(self.config.clone(), self.weights()?, device).with_context(|| self.path.display().to_string())
    }

    /// How its model is asked; `chat` insists on its chat template.
    pub(crate) fn prompter(&self, chat: bool) -> Result<Prompter> {
        if let (false, Some(world)) = (chat, Prompter::of_world(&self.tokenizer)) {
            return Ok(world);
        }
        let jinja = self.companion("chat_template.jinja").map(String::from_utf8_lossy);
        let (config, jinja) = (self.companion(TOKENIZER_CONFIG), jinja.as_deref());
        let prompter = match chat {
            false => Prompter::of_model(config, jinja).map(Some),
            true => Prompter::chat(config, jinja),
        };
        let prompter = prompter.with_context(|| self.path.join(TOKENIZER_CONFIG).display().to_string())?;
        prompter.context("the model folder has no chat template; use --template pure")
    }

    fn companion(&self, name: &str) -> Option<&[u8]> {
        self.companions.iter().find(|(own, _)| own == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// The safetensors files: one, or all shards of the index.
    fn weights(&self) -> Result<Vec<Vec<u8>>> {
        let index = self.path.join("model.safetensors.index.json");
        if !index.exists() {
            return Ok(vec![read(&self.path.join("model.safetensors"))?]);
        }
        let json: Value = serde_json::from_slice(&read(&index)?).with_context(|| index.display().to_string())?;
        let map = json["weight_map"].as_object().with_context(|| format!("{}: no weight_map", index.display()))?;
        let mut files: Vec<&str> = map.values().filter_map(Value::as_str).collect();
        files.sort_unstable();
        files.dedup();
        if files.iter().any(|name| name.contains(['/', '\\'])) {
            bail!("{}: a shard name leaves the folder", index.display());
        }
        files.into_iter().map(|name| read(&self.path.join(name))).collect()
    }

    /// Writes a complete folder beside `path`, then renames it into place; an older folder there is replaced.
    pub(crate) fn save(&self, path: &Path, config: &ModelConfig, weights: Vec<u8>) -> Result<()> {
        write_folder(path, &self.files(config, weights)?)
    }

    /// Writes the model of this folder to `path` with values of another type.
    pub(crate) fn save_as(&self, path: &Path, dtype: Dtype) -> Result<()> {
        let device = Device::flex();
        let weights = match self.config.head {
            Head::Language => self.policy(&device)?.to_safetensors_in(dtype)?,
            // Says which heads it takes.
            _ => self.prm(&device)?.to_safetensors_in(dtype)?,
        };
        self.save_weights(path, dtype, weights)
    }

    /// Writes the reward model that an adapter makes of the model of this folder.
    pub(crate) fn save_with_adapter(self, path: &Path, dtype: Dtype, adapter: &Path) -> Result<()> {
        let (folder, prm) = self.with_adapter(adapter, &Device::flex())?;
        folder.save_weights(path, dtype, prm.to_safetensors_in(dtype)?)
    }

    fn save_weights(&self, path: &Path, dtype: Dtype, weights: Vec<u8>) -> Result<()> {
        let mut config = self.config.to_json();
        config["torch_dtype"] = dtype.torch_dtype().into();
        // What the class does not tell.
        if let Some(family) = self.family.filter(|family| PrmFamily::detect(&config, "") != Some(*family)) {
            config["minform"]["family"] = family.name().into();
        }
        write_folder(path, &self.files_of(&config, weights)?)
    }

    /// The files of a model folder with these weights.
    pub(crate) fn files(&self, config: &ModelConfig, weights: Vec<u8>) -> Result<Vec<(String, Vec<u8>)>> {
        self.files_of(&config.to_json(), weights)
    }

    fn files_of(&self, config: &Value, weights: Vec<u8>) -> Result<Vec<(String, Vec<u8>)>> {
        let json = serde_json::to_vec_pretty(config)?;
        let mut files = vec![("config.json".into(), json), ("model.safetensors".into(), weights)];
        files.extend(self.companions.iter().cloned());
        Ok(files)
    }
}

/// What an adapter is learned on top of.
pub(crate) fn kind(head: Head) -> &'static str {
    match head {
        Head::Language => "language model",
        Head::Classifier | Head::TwoLayer | Head::Value => "reward model",
    }
}

/// Writes all files into a temporary folder, syncs them, and renames the folder to `path`.
pub(crate) fn write_folder(path: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let parent = made_parent(path)?;
    let fresh = tempfile::Builder::new().prefix(".minform-").tempdir_in(parent)?;
    readable(fresh.path(), 0o755)?;
    for (name, bytes) in files {
        let file = fresh.path().join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        write_synced(&file, bytes).with_context(|| format!("cannot write {}", path.join(name).display()))?;
    }
    let fresh = fresh.keep();
    let old = path.exists().then(|| tempfile::Builder::new().prefix(".minform-old-").tempdir_in(parent)).transpose()?;
    if let Some(old) = &old {
        fs::rename(path, old.path().join("folder"))?;
    }
    fs::rename(&fresh, path).with_context(|| format!("cannot rename to {}", path.display()))?;
    sync_folder(parent)
}

/// A folder or file that one process alone writes to, until this value or the process is gone.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Closing it lets others in.
    _file: File,
}

impl Lock {
    /// Refuses a folder to which another process is writing.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        Self::at(&folder.join(".lock"), folder)
    }

    /// Refuses to write what another process is writing, both of which know it by the lock file at `path`.
    pub(crate) fn at(path: &Path, written: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                bail!("another process is writing to {}; wait for it, or choose another --out", written.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }
}

/// Makes a rename inside `folder` last, where the system can.
fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all().with_context(|| format!("cannot sync {}", folder.display()))?;
    let _ = folder;
    Ok(())
}

/// The token in a file, as requests carry it.
pub(crate) fn bearer_token(path: &Path) -> Result<String> {
    let bytes = read(path)?;
    let token = String::from_utf8_lossy(&bytes).trim().to_owned();
    if token.is_empty() || token.contains(char::is_whitespace) {
        bail!("{} holds no token; expected one word", path.display());
    }
    Ok(token)
}

/// The folder that `path` lies in, made where it is missing.
pub(crate) fn made_parent(path: &Path) -> Result<&Path> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    Ok(parent)
}

/// Writes one file under a temporary name, syncs it and renames it into place.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = made_parent(path)?;
    let cannot = || format!("cannot write {}", path.display());
    // Its error would name the temporary file.
    let fresh = tempfile::NamedTempFile::new_in(parent).map_err(|error| std::io::Error::from(error.kind()));
    let mut fresh = fresh.with_context(cannot)?;
    fresh.write_all(bytes).and_then(|()| fresh.as_file().sync_all()).with_context(cannot)?;
    readable(fresh.path(), 0o644)?;
    fresh.persist(path).with_context(cannot)?;
    sync_folder(parent)
}

/// Temporary files are private; what takes their place should be as readable as any other file.
#[cfg(unix)]
fn readable(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn readable(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Refuses files that are already there, unless they may be replaced.
pub(crate) fn refuse_present(paths: &[&Path], overwrite: bool) -> Result<()> {
    match paths.iter().find(|path| path.exists() && !overwrite) {
        Some(path) => bail!("{} is already there; choose another --out or pass --overwrite", path.display()),
        None => Ok(()),
    }
}

/// The picture beside a table.
pub(crate) fn picture_beside(table: &Path) -> Result<PathBuf> {
    let picture = table.with_extension("svg");
    match picture == table {
        true => bail!("{} is where the picture goes; name the table otherwise, such as found.csv", table.display()),
        false => Ok(picture),
    }
}

/// Reads a file, naming it in the error.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
