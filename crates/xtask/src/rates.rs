//! Rates out of the output of benchmarks: lines of one JSON object that starts with `{"bench": ...`.

/// Tokens per second of one benchmark.
#[derive(Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) bench: String,
    /// Median over the repeats.
    pub(crate) median: f64,
}

/// The rates among `lines`; every other line is passed over.
pub(crate) fn rates(lines: &[String]) -> Vec<Rate> {
    lines.iter().filter_map(|line| rate(line.trim())).collect()
}

fn rate(line: &str) -> Option<Rate> {
    let bench = line.strip_prefix("{\"bench\":")?.split('"').nth(1)?;
    let (_, rates) = line.split_once("\"tokens_per_second\":")?;
    let (_, median) = rates.split_once("\"median\":")?;
    let median = median.split([',', '}']).next()?.trim();
    Some(Rate { bench: bench.into(), median: median.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_found_among_other_lines() {
        let lines = [
            "Benchmarking train: Warming up",
            r#"{"bench": "train", "tokens_per_second": {"median": 1421.5, "min": 1.0, "max": 2.0}, "cores": 1.9}"#,
            r#"{"bench":"score","tokens_per_second":{"min":1,"median":9e3}}"#,
            r#"{"other": "line"}"#,
        ];
        let found = rates(&lines.map(String::from));
        let rate = |bench: &str, median| Rate { bench: bench.into(), median };
        assert_eq!(found, [rate("train", 1421.5), rate("score", 9000.0)]);
    }
}
