//! GSM8K's reference answers: steps by line, `<<a*b=c>>` annotations, `#### final`.

/// What stands before the final answer.
pub(super) const FINAL: &str = "####";

/// `text` without the calculator annotations `<<...>>`. An annotation without an end stays.
pub fn without_calculations(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let Some((_, behind)) = after.split_once(">>") else {
            break;
        };
        kept.push_str(before);
        rest = behind;
    }
    kept + rest
}

/// The reasoning without annotations, and the final answer without thousands commas if there is one.
pub(super) fn parts(answer: &str) -> (String, Option<String>) {
    let (reasoning, last) = match answer.rsplit_once(FINAL) {
        Some((reasoning, last)) => (reasoning, Some(last.trim().replace(',', ""))),
        None => (answer, None),
    };
    (without_calculations(reasoning).trim().to_owned(), last.filter(|last| !last.is_empty()))
}

/// A reference answer rewritten as a policy should write it: steps separated by blank lines, annotations
/// gone, and the final answer boxed in a last step of its own.
///
/// Without a `####` line there is no boxed step. For supervised warm-up before RL.
pub fn gsm8k_solution(answer: &str) -> String {
    let (reasoning, last) = parts(answer);
    let lines = reasoning.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    let boxed = last.map(|last| format!("The answer is \\boxed{{{last}}}."));
    lines.chain(boxed).collect::<Vec<_>>().join("\n\n")
}
