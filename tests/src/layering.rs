//! The invariants of ARCHITECTURE.md that can be read off the dependency tree, the sources and the documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Bool, Device, Tensor, Transaction};
use minform_core::config::Config;
use serde_json::Value;

const SHARED: [&str; 3] = ["crates/credit/src", "crates/text/src", "crates/core/src"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of the packages `package` is built from on this machine, itself left out.
fn dependencies(package: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}", "-p", package];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next()).filter(|name| *name != package);
    names.map(str::to_owned).collect()
}

/// Path and code of every source file under `folder`, without comments and without what follows the first
/// `#[cfg(test)] mod`.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, code(&fs::read_to_string(&path).unwrap())));
            }
        }
    }
    assert!(!found.is_empty(), "no source in {folder}");
    found.sort();
    found
}

fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n")
}

/// Places in `folder` that use one of `words`, as `file:word`.
fn uses(folder: &str, words: &[&str]) -> Vec<String> {
    let files = sources(folder);
    let hits = |(name, code): &(String, String)| -> Vec<String> {
        let inside: Vec<&&str> = words.iter().filter(|word| has_word(code, word)).collect();
        inside.iter().map(|word| format!("{name}:{word}")).collect()
    };
    files.iter().flat_map(hits).collect()
}

/// Whether `word` stands in `code` and is not part of a longer name.
fn has_word(code: &str, word: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: usize| {
        let goes_on = word.ends_with(of_name) && code[at + word.len()..].starts_with(of_name);
        !goes_on && !code[..at].ends_with(of_name)
    };
    code.match_indices(word).any(|(at, _)| whole(at))
}

#[test]
fn credit_depends_on_libm_only() {
    assert_eq!(dependencies("minform-credit"), BTreeSet::from(["libm".to_owned()]));
    assert!(read("crates/credit/src/lib.rs").contains("\n#![no_std]\n"));
}

#[test]
fn text_depends_on_no_tensors_and_not_on_credit() {
    let found = dependencies("minform-text");
    let forbidden: Vec<&String> =
        found.iter().filter(|name| name.starts_with("burn") || name.starts_with("minform")).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
    assert!(found.contains("tokenizers"), "the tree was not read: {found:?}");
}

#[test]
fn core_depends_on_nothing_of_a_front_end() {
    let found = dependencies("minform-core");
    for name in ["minform", "clap", "tokio", "ctrlc", "indicatif", "plotters", "anyhow", "reqwest"] {
        assert!(!found.contains(name), "minform-core depends on {name}");
    }
    assert!(found.contains("minform-credit") && found.contains("minform-text"), "{found:?}");
}

#[test]
fn shared_crates_touch_no_file_socket_clock_or_environment() {
    // `std::{` would hide a module from this search: import one module a line.
    let words = "std::fs std::net std::env std::process std::os std::thread std::{ Instant SystemTime env! stdin stdout \
                 print! println! eprintln!";
    let words: Vec<&str> = words.split_whitespace().collect();
    let allowed = ["crates/core/src/parallel.rs:std::thread"];
    let mut found: Vec<String> = SHARED.iter().flat_map(|folder| uses(folder, &words)).collect();
    found.retain(|place| !allowed.contains(&place.as_str()));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn randomness_comes_from_the_seed() {
    let words = "OsRng SysRng ThreadRng thread_rng from_os_rng from_entropy rand::rng rand::random";
    let words: Vec<&str> = words.split_whitespace().collect();
    for folder in [&SHARED[..], &["native/src", "web/src"]].concat() {
        assert_eq!(uses(folder, &words), Vec::<String>::new());
    }
}

#[test]
fn credit_knows_no_padding() {
    for (name, code) in sources("crates/credit/src") {
        assert!(!code.to_lowercase().contains("pad"), "{name}");
    }
}

/// A front end names a device, of this machine or of another, and hands it on or lends it; `rates` alone computes with
/// it, to measure it.
#[test]
fn native_and_web_contain_no_tensor_code() {
    for (name, code) in [sources("native/src"), sources("web/src")].concat() {
        let of_burn: Vec<&str> = code.split("burn::").skip(1).collect();
        let is_device = |rest: &&str| ["tensor::Device", "remote::", "server::"].iter().any(|of| rest.starts_with(of));
        let only_device = of_burn.iter().all(is_device);
        assert!(only_device || name == "native/src/rates.rs", "{name} uses burn for more than a device");
    }
}

macro_rules! refused_by_clippy {
    ($($value:expr => $method:ident $(::<$kind:ty>)? ($($argument:expr),*);)*) => {
        $({
            #[expect(clippy::disallowed_methods, reason = "fails where clippy.toml no longer refuses this read")]
            let _ = $value.$method$(::<$kind>)?($($argument),*);
        })*
    };
}

/// That this runs is worth little. That `cargo clippy -- -D warnings` accepts it shows that every ban fires.
#[test]
fn clippy_refuses_blocking_reads() {
    let device = Device::flex();
    let one = || Tensor::<1>::from_floats([1.0], &device);
    let yes = || -> Tensor<1, Bool> { one().equal(one()) };
    let dtype = one().dtype();
    refused_by_clippy! {
        one() => into_data();
        one() => to_data();
        one() => into_scalar::<f32>();
        one() => try_into_data();
        one() => try_to_data();
        one() => try_into_scalar::<f32>();
        one() => to_data_as::<f32>();
        one() => try_to_data_as::<f32>();
        one() => into_data_as::<f32>();
        one() => try_into_data_as::<f32>();
        one() => to_data_dtype(dtype);
        one() => try_to_data_dtype(dtype);
        one() => into_data_dtype(dtype);
        one() => try_into_data_dtype(dtype);
        one() => try_to_vec_as::<f32>();
        one() => try_into_vec_as::<f32>();
        one() => all_close(one(), None, None);
        yes() => nonzero();
        yes() => argwhere();
        one() => mask_select(yes());
        Transaction::default().register(one()) => execute();
        Transaction::default().register(one()) => try_execute();
    }
    let banned = read("clippy.toml").matches("path = \"burn::tensor::").count();
    assert_eq!(banned, 22, "clippy.toml and this list differ");
}

#[test]
fn the_architecture_is_short_and_names_six_invariants() {
    let text = read("ARCHITECTURE.md");
    assert!(text.lines().count() <= 120, "{} lines", text.lines().count());
    let section = text.split("\n## Invariants\n").nth(1).expect("a section of invariants");
    let section = section.split("\n## ").next().unwrap_or_default();
    let bold = section.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(". **"));
    assert_eq!(bold.count(), 6);
}

#[test]
fn the_code_map_names_what_exists() {
    let text = read("ARCHITECTURE.md");
    let places =
        text.split('`').skip(1).step_by(2).filter(|word| word.contains('/') && !word.contains([' ', ':', '*']));
    for place in places {
        assert!(root().join(place).exists(), "ARCHITECTURE.md names {place}, which does not exist");
    }
}

#[test]
fn counterparts_are_those_of_settings_that_exist() {
    let mut keys = Vec::new();
    leaves("", &serde_json::to_value(Config::default()).unwrap(), &mut keys);
    let text = read("docs/configuration.md");
    let table = text.split("\n## Counterparts").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let named: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(named.len() > 50, "{} counterparts", named.len());
    // Left out of the defaults as long as nothing sets it.
    keys.push("prm.threshold".into());
    let known = |name: &str| match name.strip_prefix('*') {
        Some(end) => keys.iter().any(|key| key.ends_with(end)),
        None => keys.iter().any(|key| key == name),
    };
    let unknown: Vec<&&str> = named.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "docs/configuration.md names {unknown:?}, which are no settings");
}

#[test]
fn every_figure_of_training_is_explained_in_the_book() {
    let pages: String = ["min-form", "baselines", "shaping-and-kl", "prm-objectives", "generation", "guards"]
        .map(|page| read(&format!("docs/algorithms/{page}.md")))
        .concat();
    let source = read("crates/core/src/event.rs");
    for event in ["SftStep", "PrmStep", "PrmQuality", "Update", "Evaluation", "GuardFired"] {
        let body = source.split(&format!("pub struct {event} {{")).nth(1).and_then(|rest| rest.split("\n}").next());
        let figures =
            body.unwrap_or_default().lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
        let figures: Vec<&str> = figures.collect();
        assert!(figures.len() > 3, "{event}: {figures:?}");
        let rows = || pages.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let is_told = |figure: &&&str| rows().any(|names| names.contains(&format!("`{figure}`")));
        let untold: Vec<&&str> = figures.iter().filter(|figure| !is_told(figure)).collect();
        assert!(untold.is_empty(), "no page of docs/algorithms explains {untold:?} of {event}");
    }
}

/// Every key of a configuration.
fn leaves(prefix: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                leaves(&path, value, into);
            }
        }
        _ => into.push(prefix.to_owned()),
    }
}
