//! Steps without their words, to ask what a reward model looks at (Ma et al. 2024: "What are step-level reward models
//! rewarding?").

/// The mathematics of a step: what stands in LaTeX delimiters, and outside of them the pieces between blanks that have a
/// digit or a sign of calculation in them. Words are left out, line breaks stay.
///
/// ```
/// use minform_text::mathematics::without_language;
/// assert_eq!(without_language("She had 3 and buys 4, so 3 + 4 = 7."), "3 4, 3 + 4 = 7.");
/// assert_eq!(without_language("Thus \\(x + y = z\\) holds for all."), "\\(x + y = z\\)");
/// ```
pub fn without_language(step: &str) -> String {
    let lines = step.lines().map(|line| pieces(line).join(" ")).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// Opening and closing marks of formulas.
const FORMULAS: [(&str, &str); 4] = [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")];

fn pieces(line: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let length = formula(rest).unwrap_or_else(|| rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let piece = &rest[..length];
        if is_mathematics(piece) {
            kept.push(piece);
        }
        rest = rest[length..].trim_start();
    }
    kept
}

/// Length of the formula that a text begins with.
fn formula(text: &str) -> Option<usize> {
    let (open, close) = FORMULAS.into_iter().find(|(open, _)| text.starts_with(open))?;
    let inner = text[open.len()..].find(close)?;
    // A dollar sign before a price opens nothing.
    let is_price = open == "$" && text[open.len()..open.len() + inner].split_whitespace().count() > 12;
    let end = open.len() + inner + close.len();
    (!is_price).then_some(end)
}

fn is_mathematics(piece: &str) -> bool {
    let is_sign = |c: char| matches!(c, '+' | '=' | '*' | '/' | '^' | '<' | '>' | '×' | '÷' | '·' | '%' | '$' | '\\');
    piece.contains(|c: char| c.is_ascii_digit() || is_sign(c)) || matches!(piece, "-" | "–" | "−")
}

#[cfg(test)]
mod tests {
    use super::without_language;

    #[test]
    fn formulas_numbers_and_signs_stay() {
        let step = "First, we compute \\[ 8 \\text{ pounds} + 3 \\] and then\nwe are done.\nSo $x^2$ - 1 is it";
        assert_eq!(without_language(step), "\\[ 8 \\text{ pounds} + 3 \\]\n$x^2$ - 1");
        assert_eq!(without_language("no mathematics here"), "");
        assert_eq!(without_language("it costs $5 each"), "$5");
        assert_eq!(without_language(""), "");
    }
}
