//! Speed of minform beside torch and transformers, one after the other on the same machine.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::rates::{Rate, rates};
use crate::steps::{Steps, cargo, program, root};

/// `cargo xtask peers`.
pub(crate) fn compare(steps: &mut Steps, python: &str) -> Result<()> {
    let ours = steps.run_and_read("minform", &mut cargo("bench -p minform-tests --bench speed"))?;
    let script = root().join("tests/peers/run.sh");
    let theirs = steps.run_and_read("peers", program(script, "").env("PYTHON", interpreter(python)?))?;
    let (ours, theirs) = (rates(&ours), rates(&theirs));
    if ours.is_empty() || theirs.is_empty() {
        bail!("no line with tokens per second from {}", if ours.is_empty() { "the benchmarks" } else { "the peers" });
    }
    print!("{}", table(&ours, &theirs));
    Ok(())
}

/// A path is made absolute, since the script changes its folder; links stay, since a virtual environment is one.
fn interpreter(python: &str) -> Result<PathBuf> {
    match python.contains(std::path::MAIN_SEPARATOR) {
        true => std::path::absolute(python).with_context(|| format!("no path: {python}")),
        false => Ok(python.into()),
    }
}

fn table(ours: &[Rate], theirs: &[Rate]) -> String {
    let mut text = format!("\n{:<22}{:>12}{:>12}{:>8}\n", "tokens/s", "minform", "peer", "ratio");
    for our in ours {
        let peer = theirs.iter().find(|peer| peer.bench == our.bench).map(|peer| peer.median);
        let (peer, ratio) = match peer {
            Some(peer) => (format!("{peer:.0}"), format!("{:.2}", our.median / peer)),
            None => ("n/a".into(), "n/a".into()),
        };
        text += &format!("{:<22}{:>12.0}{peer:>12}{ratio:>8}\n", our.bench, our.median);
    }
    text
}
