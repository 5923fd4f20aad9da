//! The playground in notebooks: a Python package, its tests, and the teaching notebooks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::steps::{Steps, npm, program, root};
use crate::{setup, web};

/// What the package may be to travel, in bytes.
const BUDGET: u64 = 3_000_000;

/// `cargo xtask notebook`: the package, in `target/wheel`.
pub(crate) fn package(steps: &mut Steps) -> Result<()> {
    web::wasm(steps, &["credit", "engine"])?;
    let python =
        setup::python(steps)?.context("building the package needs Python 3.11 or newer with venv and ensurepip")?;
    wheel(steps, &python).map(drop)
}

/// The tests of the package, and the notebooks run, exported and driven in JupyterLab; with the wasm files as they were
/// built last.
pub(crate) fn test(steps: &mut Steps) -> Result<()> {
    let Some(python) = setup::python(steps)? else { return Ok(()) };
    let wheel = wheel(steps, &python)?;
    let install = "-m pip install -q --no-deps --force-reinstall";
    steps.run("install the package", program(&python, install).arg(&wheel))?;
    steps.run("package", program(&python, "-m pytest -q web/notebook").env("MINFORM_WHEEL", wheel))?;
    let check = "web/notebook/examples/check.py";
    steps.run("exercises of the notebooks", program(&python, check).env_remove("MINFORM_BINARY"))?;
    steps.run("notebooks in a browser", npm("run test:notebook").env("MINFORM_PYTHON", &python))
}

fn wheel(steps: &mut Steps, python: &Path) -> Result<PathBuf> {
    steps.run("widget", &mut npm("run build:notebook"))?;
    let place = root().join("target/wheel");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot replace {}", place.display()))?;
    }
    let build = "-m build --wheel --no-isolation web/notebook --outdir";
    steps.run("wheel", program(python, build).arg(&place))?;
    let built = fs::read_dir(&place).with_context(|| place.display().to_string())?.next();
    let wheel = built.context("no wheel was made")?.context("the wheel")?.path();
    let bytes = fs::metadata(&wheel)?.len();
    println!("{}: {:.2} MB", wheel.display(), bytes as f64 / 1e6);
    if bytes > BUDGET { bail!("over its budget of {:.0} MB", BUDGET as f64 / 1e6) } else { Ok(wheel) }
}
