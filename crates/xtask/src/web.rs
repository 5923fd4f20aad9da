//! The playground: the library crates as WebAssembly, then the page around them.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::setup::{self, WASM};
use crate::steps::{Steps, cargo, npm, program, root};

/// One build of the package `web`.
struct Build {
    /// Its folder in `web/app/wasm`.
    name: &'static str,
    features: &'static str,
    /// What may travel to a visitor, compressed by gzip, in bytes.
    budget: usize,
}

const BUILDS: [Build; 3] = [
    Build { name: "credit", features: "", budget: 100_000 },
    Build { name: "engine", features: "engine", budget: 1_200_000 },
    Build { name: "webgpu", features: "webgpu", budget: 4_200_000 },
];

/// Takes out the names of functions and code that is never reached. More makes the file smaller but what travels larger:
/// `-Oz` saves a tenth before compression and adds a tenth after it.
const SHRINK: &str = "-O1 --strip-debug --strip-producers --enable-simd --enable-bulk-memory --enable-sign-ext \
                      --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types \
                      --enable-multivalue";

/// `cargo xtask web`: everything, into `web/dist`.
pub(crate) fn web(steps: &mut Steps, open: bool) -> Result<()> {
    wasm(steps, &[])?;
    steps.run("page", &mut npm("run build"))?;
    steps.run("package", &mut npm("run build:package"))?;
    if open {
        steps.run("server", &mut npm("run preview -- --open"))?;
    }
    Ok(())
}

/// What must hold of the builds and of the page.
pub(crate) fn test(steps: &mut Steps) -> Result<()> {
    steps.run("builds in Node", &mut npm("run test:wasm"))?;
    steps.run("page", &mut npm("run check"))?;
    setup::browser(steps)?;
    steps.run("page in a browser", &mut npm("run test:browser"))
}

/// `cargo xtask wasm`: the builds of these names, or all, checked against their budgets.
pub(crate) fn wasm(steps: &mut Steps, names: &[&str]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| BUILDS.iter().all(|build| build.name != **name)) {
        bail!("there is no build {unknown:?}; there are {}", BUILDS.map(|build| build.name).join(", "));
    }
    setup::wasm(steps)?;
    setup::bindgen(steps)?;
    setup::packages(steps)?;
    let mut table = format!("\n{:<10}{:>12}{:>12}{:>12}\n", "build", "bytes", "gzip", "budget");
    let mut over = Vec::new();
    for build in BUILDS.iter().filter(|build| names.is_empty() || names.contains(&build.name)) {
        let (raw, gzip) = build.make(steps)?;
        table += &format!("{:<10}{raw:>12}{gzip:>12}{:>12}\n", build.name, build.budget);
        if gzip > build.budget {
            over.push(build.name);
        }
    }
    print!("{table}");
    if over.is_empty() { Ok(()) } else { bail!("over budget: {}", over.join(", ")) }
}

impl Build {
    /// Compiles, binds and shrinks it; gives its size, and that of its gzip file.
    fn make(&self, steps: &mut Steps) -> Result<(usize, usize)> {
        let Self { name, features, .. } = self;
        let compile = format!("build --profile web -p minform-web --lib --target {WASM} --features={features}");
        let flags = format!("target.{WASM}.rustflags={:?}", rust_flags());
        steps.run(&format!("{name}: compile"), cargo(&compile).arg("--config").arg(flags))?;
        let compiled = target().join(WASM).join("web/minform_web.wasm");
        let folder = root().join("web/app/wasm").join(name);
        let mut bind = program("wasm-bindgen", "--target web");
        steps.run(&format!("{name}: bind"), bind.arg("--out-dir").arg(&folder).arg(compiled))?;
        let wasm = folder.join("minform_web_bg.wasm");
        let mut shrink = npm(&format!("exec -- wasm-opt {SHRINK}"));
        steps.run(&format!("{name}: shrink"), shrink.arg(&wasm).arg("-o").arg(&wasm))?;
        let bytes = fs::read(&wasm).with_context(|| wasm.display().to_string())?;
        Ok((bytes.len(), gzip(&bytes)?))
    }
}

/// Vector instructions, which every browser has since 2023 (Safari 16.4); and no path of this machine in what visitors get.
fn rust_flags() -> Vec<String> {
    let in_home = || std::env::home_dir().unwrap_or_default().join(".cargo");
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(in_home, PathBuf::from);
    vec!["-Ctarget-feature=+simd128".into(), format!("--remap-path-prefix={}=cargo", cargo.display())]
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
