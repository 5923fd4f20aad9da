//! Rounds timed one by one, and the line of JSON that stands for them.

use std::num::NonZero;
use std::time::{Duration, Instant};
use std::{fs, thread};

use criterion::{Criterion, SamplingMode, Throughput};
use serde_json::{Value, json};

/// Timed rounds of every group; the peers are run with as many.
const REPEATS: usize = 10;

/// What one round took.
pub(crate) struct Round {
    wall: Duration,
    /// Processor time of all threads, where the system tells it.
    busy: Option<Duration>,
}

/// Runs `work` once.
pub(crate) fn timed(work: impl FnOnce()) -> Round {
    let (start, before) = (Instant::now(), processor_time());
    work();
    let wall = start.elapsed();
    Round { wall, busy: processor_time().zip(before).map(|(after, before)| after.saturating_sub(before)) }
}

/// Has criterion run `round` twice to warm up and [`REPEATS`] times to measure, then prints the line of JSON.
///
/// Criterion's target time is so short that each of its samples is one round. A group that is filtered out or only
/// tried (`--test`) prints no line.
pub(crate) fn measure(
    criterion: &mut Criterion,
    bench: &str,
    parameters: usize,
    tokens: usize,
    mut round: impl FnMut() -> Round,
) {
    let short = Duration::from_millis(1);
    let mut rounds: Vec<Round> = Vec::new();
    let mut group = criterion.benchmark_group(bench);
    group.sample_size(REPEATS).sampling_mode(SamplingMode::Flat).warm_up_time(short).measurement_time(short);
    group.throughput(Throughput::Elements(tokens as u64));
    group.bench_function("tokens", |bencher| {
        bencher.iter_custom(|count| {
            if rounds.is_empty() {
                rounds.push(round());
            }
            let from = rounds.len();
            rounds.extend((0..count).map(|_| round()));
            rounds[from..].iter().map(|round| round.wall).sum()
        });
    });
    group.finish();
    if let Some(first) = rounds.len().checked_sub(REPEATS) {
        println!("{}", line(bench, parameters, tokens, &rounds[first..]));
    }
}

/// The number of threads that compute side by side.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn line(bench: &str, parameters: usize, tokens: usize, rounds: &[Round]) -> Value {
    let mut rates: Vec<f64> = rounds.iter().map(|round| tokens as f64 / round.wall.as_secs_f64()).collect();
    rates.sort_by(f64::total_cmp);
    let middle = rates.len() / 2;
    let median = if rates.len() % 2 == 1 { rates[middle] } else { (rates[middle - 1] + rates[middle]) / 2.0 };
    let wall: Duration = rounds.iter().map(|round| round.wall).sum();
    let busy: Option<Duration> = rounds.iter().map(|round| round.busy).sum();
    json!({
        "bench": bench,
        "tokens_per_second": {
            "median": rounded(median, 1),
            "min": rounded(rates[0], 1),
            "max": rounded(rates[rates.len() - 1], 1),
        },
        "cores": busy.map(|busy| rounded(busy.as_secs_f64() / wall.as_secs_f64(), 2)),
        "tokens": tokens,
        "repeats": rounds.len(),
        "parameters": parameters,
        "burn": burn_version(),
        "threads": threads(),
    })
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// User and system time of this process; Linux counts them in hundredths of a second.
fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold spaces; what follows it does not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

/// The version the workspace is locked to.
fn burn_version() -> Option<&'static str> {
    let (_, from) = include_str!("../../../Cargo.lock").split_once("name = \"burn\"\nversion = \"")?;
    from.split('"').next()
}
