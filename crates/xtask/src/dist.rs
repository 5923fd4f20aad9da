//! What is handed out: the program, what belongs to it, and checksums.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::files::{copy, list};
use crate::steps::{Steps, cargo, program, root};

const SHELLS: [(&str, &str); 3] = [("bash", "minform"), ("zsh", "_minform"), ("fish", "minform.fish")];

/// Files and folders that go along.
const ALONG: [&str; 7] =
    ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "native/presets", "native/models", "native/deploy"];

/// `cargo xtask dist`: a folder and an archive in `target/dist`, for the machine at hand.
pub(crate) fn dist(steps: &mut Steps) -> Result<()> {
    steps.run("program", &mut cargo("build --profile dist -p minform"))?;
    let built = root().join("target/dist");
    let name = format!("minform-{}-{}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, std::env::consts::OS);
    let folder = built.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    let binary = format!("minform{}", std::env::consts::EXE_SUFFIX);
    copy(&built.join(&binary), &folder.join(&binary))?;
    for path in ALONG {
        let from = root().join(path);
        copy(&from, &folder.join(from.file_name().unwrap_or_default()))?;
    }
    let minform = folder.join(&binary);
    fs::create_dir_all(folder.join("completions"))?;
    for (shell, file) in SHELLS {
        let output = program(&minform, &format!("completions {shell}")).output().context("cannot run minform")?;
        fs::write(folder.join("completions").join(file), output.stdout)?;
    }
    steps.run("manual pages", program(&minform, "man").arg(folder.join("man")))?;
    let mut files = Vec::new();
    list(&folder, &mut files)?;
    fs::write(folder.join("SHA256SUMS"), sums(&folder, &files)?)?;
    let archive = format!("{name}.tar.gz");
    let pack = format!("--sort=name --owner=0 --group=0 -czf {archive} {name}");
    steps.run("archive", program("tar", &pack).current_dir(&built))?;
    fs::write(built.join(format!("{archive}.sha256")), sums(&built, &[built.join(&archive)])?)?;
    let megabytes = |path: &Path| fs::metadata(path).map(|file| file.len() as f64 / 1e6);
    println!("{binary}: {:.1} MB", megabytes(&minform)?);
    println!("target/dist/{archive}: {:.1} MB", megabytes(&built.join(&archive))?);
    Ok(())
}

/// Lines as `sha256sum --check` reads them, with paths from `base` on.
fn sums(base: &Path, files: &[PathBuf]) -> Result<String> {
    let mut lines = String::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{digest}  {}\n", file.strip_prefix(base).unwrap_or(file).display());
    }
    Ok(lines)
}
