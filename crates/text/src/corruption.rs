//! Wrong solutions made from right ones, with the step at which they go wrong.
//!
//! A reference answer of GSM8K says what it calculates, `48/2 = <<48/2=24>>24`. One calculation is changed, and what
//! follows is calculated anew from the wrong result, so that the error is where it was made and nowhere else:
//! later steps are right in themselves, as in what models write. No learned model and no answer of a benchmark is
//! involved.

use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _};

use crate::answer::{Rational, exact, parse};

/// What was done to a calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Another result.
    Result,
    /// Another operation.
    Operation,
    /// Another number in place of one.
    Operand,
}

/// A solution in steps, the last of which gives the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The steps.
    pub steps: Vec<String>,
    /// The final answer.
    pub answer: String,
}

/// A solution that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrupted {
    /// What it says.
    pub solution: Solution,
    /// Index of the step in which the mistake is.
    pub first_error: usize,
    /// Which kind of mistake.
    pub mistake: Mistake,
}

/// How calculations and steps are written. The label of a solution must not show in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    times: &'static str,
    numbered: bool,
    boxed: bool,
}

impl Style {
    /// One of the ways in which people and models write.
    pub fn sample(rng: &mut (impl Rng + ?Sized)) -> Self {
        let times = ["*", "×", " \\times ", " * "].choose(rng).copied().unwrap_or("*");
        Self { times, numbered: rng.random_bool(0.25), boxed: rng.random_bool(0.7) }
    }
}

/// A line of an answer: text and calculations in turn.
#[derive(Clone, Debug)]
struct Line(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Calculation { expression: String, result: String },
}

/// The right solution of a reference answer with `<<…>>` annotations and a `####` line; `None` if it has none.
pub fn right_solution(reference: &str, style: Style) -> Option<Solution> {
    let (lines, answer) = read(reference)?;
    Some(written(&lines, &answer, style))
}

/// A wrong solution made from a reference answer; `None` if no change of it came out as one that a person could make.
pub fn corrupted_solution(
    question: &str,
    reference: &str,
    style: Style,
    rng: &mut (impl Rng + ?Sized),
) -> Option<Corrupted> {
    /// Changes that are tried.
    const TRIES: usize = 8;
    let (lines, answer) = read(reference)?;
    let places: Vec<(usize, usize)> =
        lines.iter().enumerate().flat_map(|(index, line)| line.calculations().map(move |part| (index, part))).collect();
    for _ in 0..TRIES {
        let &(line, part) = places.choose(rng)?;
        let mistake = *[Mistake::Result, Mistake::Operation, Mistake::Operand].choose(rng)?;
        let changed = Change { lines: lines.clone(), answer: answer.clone(), renamed: Vec::new() };
        if let Some(Change { lines, answer, .. }) = changed.make(question, (line, part), mistake, rng) {
            return Some(Corrupted { solution: written(&lines, &answer, style), first_error: line, mistake });
        }
    }
    None
}

/// Lines without empty ones, and the answer.
fn read(reference: &str) -> Option<(Vec<Line>, String)> {
    let (reasoning, answer) = reference.rsplit_once("####")?;
    let lines =
        reasoning.lines().map(str::trim).filter(|line| !line.is_empty()).map(Line::read).collect::<Option<Vec<_>>>()?;
    let answer = answer.trim().replace(',', "");
    (!lines.is_empty() && number(&answer).is_some()).then_some((lines, answer))
}

fn written(lines: &[Line], answer: &str, style: Style) -> Solution {
    let mut steps: Vec<String> = lines.iter().map(|line| line.text(style)).collect();
    steps.push(match style.boxed {
        true => format!("The answer is \\boxed{{{answer}}}."),
        false => format!("The answer is {answer}."),
    });
    if style.numbered {
        steps = steps.into_iter().zip(1..).map(|(step, number)| format!("Step {number}: {step}")).collect();
    }
    Solution { steps, answer: answer.to_owned() }
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("<<") {
            let (calculation, behind) = after.split_once(">>")?;
            let (expression, result) = calculation.rsplit_once('=')?;
            parts.push(Part::Text(before.to_owned()));
            parts
                .push(Part::Calculation { expression: expression.trim().to_owned(), result: result.trim().to_owned() });
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Some(Self(parts))
    }

    /// Indices of its calculations.
    fn calculations(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().filter(|(_, part)| matches!(part, Part::Calculation { .. })).map(|(index, _)| index)
    }

    fn text(&self, style: Style) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Calculation { .. } => "",
        });
        let text: String = texts.collect();
        text.replace(" * ", "*").replace('*', style.times)
    }
}

/// A solution while it is being changed.
struct Change {
    lines: Vec<Line>,
    answer: String,
    /// Results that have become others.
    renamed: Vec<(String, String)>,
}

impl Change {
    /// Makes one mistake and calculates what follows anew.
    fn make(
        mut self,
        question: &str,
        (line, part): (usize, usize),
        mistake: Mistake,
        rng: &mut (impl Rng + ?Sized),
    ) -> Option<Self> {
        let Part::Calculation { expression, result } = self.lines[line].0.get(part)?.clone() else { return None };
        let known = self.known(question, line);
        let changed = match mistake {
            Mistake::Result => expression.clone(),
            Mistake::Operation => with_other_operation(&expression, rng)?,
            Mistake::Operand => with_other_number(&expression, &known, rng)?,
        };
        let outcome = match mistake {
            Mistake::Result => slipped(&result, rng)?,
            Mistake::Operation | Mistake::Operand => decimal(value(&changed)?)?,
        };
        if number(&outcome)? == number(&result)? {
            return None;
        }
        self.rewrite(line, part, &changed, &outcome)?;
        // A result that stood in the question already may mean either; what follows then goes on with the right one.
        if !known.iter().any(|other| number(other) == number(&result)) {
            self.rename(result, outcome)?;
        }
        self.carry_on(line, part + 1)?;
        Some(self)
    }

    /// Numbers of the question and results before a line.
    fn known(&self, question: &str, line: usize) -> Vec<String> {
        let results = self.lines[..line].iter().flat_map(|line| &line.0).filter_map(|part| match part {
            Part::Calculation { result, .. } => Some(result.clone()),
            Part::Text(_) => None,
        });
        numbers(question).map(|(_, text)| text.replace(',', "")).chain(results).collect()
    }

    /// Calculates everything from a part of a line on, with the results that have become others.
    fn carry_on(&mut self, line: usize, part: usize) -> Option<()> {
        for index in line..self.lines.len() {
            let first = if index == line { part } else { 0 };
            for part in first..self.lines[index].0.len() {
                match self.lines[index].0[part].clone() {
                    Part::Text(text) => {
                        let text = self.renamed_in(&text);
                        self.lines[index].0[part] = Part::Text(text);
                    }
                    Part::Calculation { expression, result } => {
                        let changed = self.renamed_in(&expression);
                        if changed != expression {
                            let outcome = decimal(value(&changed)?)?;
                            // The text before has been renamed with everything else.
                            self.rewrite_result(index, part, &outcome)?;
                            self.lines[index].0[part] =
                                Part::Calculation { expression: changed, result: outcome.clone() };
                            self.rename(result, outcome)?;
                        }
                    }
                }
            }
        }
        let last = self.renamed.iter().rev().find(|(before, _)| number(before) == number(&self.answer));
        if let Some((_, after)) = last {
            self.answer.clone_from(after);
        }
        Some(())
    }

    /// Notes that a result has become another; `None` if that could not be told from one that was renamed before.
    fn rename(&mut self, before: String, after: String) -> Option<()> {
        let is_clear = self.renamed.iter().all(|(other, _)| number(other) != number(&after));
        is_clear.then(|| self.renamed.push((before, after)))
    }

    /// Puts another calculation in the place of one, in the text around it too.
    fn rewrite(&mut self, line: usize, part: usize, expression: &str, result: &str) -> Option<()> {
        let Part::Calculation { expression: old, .. } = self.lines[line].0[part].clone() else { return None };
        if old != expression {
            let Part::Text(before) = &mut self.lines[line].0[part.checked_sub(1)?] else { return None };
            let place = written_form(before, &old)?;
            // As it was written, so that a change does not show in the blanks.
            let is_spaced = before[place.clone()].contains(' ');
            before.replace_range(place, &if is_spaced { spaced(expression) } else { expression.to_owned() });
        }
        self.rewrite_result(line, part, result)?;
        self.lines[line].0[part] = Part::Calculation { expression: expression.to_owned(), result: result.to_owned() };
        Some(())
    }

    /// Puts another result behind a calculation.
    fn rewrite_result(&mut self, line: usize, part: usize, result: &str) -> Option<()> {
        let Part::Calculation { result: old, .. } = self.lines[line].0[part].clone() else { return None };
        let Part::Text(after) = self.lines[line].0.get_mut(part + 1)? else { return None };
        let (start, found) = numbers(after).next()?;
        let is_result =
            number(&found.replace(',', "")) == number(&old) && after[..start].chars().all(|c| !c.is_alphanumeric());
        let end = start + found.len();
        is_result.then(|| after.replace_range(start..end, result))
    }

    /// A text with the results that have become others.
    fn renamed_in(&self, text: &str) -> String {
        let mut renamed = String::with_capacity(text.len());
        let mut end = 0;
        for (start, found) in numbers(text) {
            let plain = number(&found.replace(',', ""));
            let other = self.renamed.iter().rev().find(|(before, _)| number(before) == plain);
            renamed.push_str(&text[end..start]);
            renamed.push_str(other.map_or(found, |(_, after)| after));
            end = start + found.len();
        }
        renamed + &text[end..]
    }
}

/// Numbers in a text, with where they begin; thousands commas belong to them, a full stop at their end does not.
fn numbers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inner = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(|c: char| c.is_ascii_digit() || c == '.')?;
        let length = text[start..].find(|c| !is_inner(c)).unwrap_or(text.len() - start);
        at = start + length.max(1);
        Some((start, text[start..start + length].trim_end_matches(['.', ','])))
    })
    .filter(|(_, found)| found.contains(|c: char| c.is_ascii_digit()))
}

fn number(text: &str) -> Option<Rational> {
    value(text)
}

fn value(expression: &str) -> Option<Rational> {
    exact(&parse(&expression.replace(',', ""))?)
}

/// A number as people write it: whole, or with at most two decimals, and not too large.
fn decimal(value: Rational) -> Option<String> {
    /// Beyond this nobody would believe it.
    const LARGEST: i128 = 10_000_000;
    let hundredths = value.numerator.checked_mul(100)?;
    let is_plain = value.numerator >= 0 && value.numerator / value.denominator <= LARGEST;
    if !is_plain || hundredths % value.denominator != 0 {
        return None;
    }
    let hundredths = hundredths / value.denominator;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    Some(match rest {
        0 => whole.to_string(),
        rest if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    })
}

/// A result with a slip: one off, ten off, a digit changed, a factor of ten.
fn slipped(result: &str, rng: &mut (impl Rng + ?Sized)) -> Option<String> {
    let value = number(result)?;
    let (above, below) = (value.numerator, value.denominator);
    let amount = *[1, 2, 10, 100].choose(rng)?;
    let by = |change: i128| Rational::new(above + change * below, below);
    let slip = match rng.random_range(0..4_u8) {
        0 => by(amount),
        1 => by(-amount),
        2 => Rational::new(above * 10, below),
        _ => Rational::new(above, below * 2),
    };
    slip.and_then(decimal).filter(|slip| slip != "0")
}

/// The expression with another operation in one place.
fn with_other_operation(expression: &str, rng: &mut (impl Rng + ?Sized)) -> Option<String> {
    let places: Vec<(usize, char)> =
        expression.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-' | '*' | '/')).collect();
    let &(at, old) = places.choose(rng)?;
    let others: Vec<char> = ['+', '-', '*', '/'].into_iter().filter(|other| *other != old).collect();
    let mut changed = expression.to_owned();
    changed.replace_range(at..=at, others.choose(rng)?.encode_utf8(&mut [0; 4]));
    Some(changed)
}

/// The expression with one number replaced by another that is known.
fn with_other_number(expression: &str, known: &[String], rng: &mut (impl Rng + ?Sized)) -> Option<String> {
    let places: Vec<(usize, &str)> = numbers(expression).collect();
    let &(start, old) = places.choose(rng)?;
    let others: Vec<&String> = known.iter().filter(|other| number(other) != number(old)).collect();
    let mut changed = expression.to_owned();
    changed.replace_range(start..start + old.len(), others.choose(rng)?);
    Some(changed)
}

/// Where a text ends with an expression as people write it: with blanks, dollar signs, thousands commas and × signs.
fn written_form(text: &str, expression: &str) -> Option<std::ops::Range<usize>> {
    let is_filling = |c: char| c.is_whitespace() || matches!(c, '$' | ',' | '=');
    let same = |a: char, b: char| a == b || b == '*' && matches!(a, 'x' | 'X' | '×');
    let mut wanted = expression.chars().rev().filter(|c| !is_filling(*c)).peekable();
    let mut end = None;
    for (at, c) in text.char_indices().rev() {
        let Some(next) = wanted.peek().copied() else { break };
        if is_filling(c) {
            continue;
        }
        if !same(c, next) {
            return None;
        }
        wanted.next();
        end.get_or_insert(at + c.len_utf8());
        if wanted.peek().is_none() {
            return Some(at..end?);
        }
    }
    None
}

/// An expression with blanks around its operations.
fn spaced(expression: &str) -> String {
    let mut text = String::new();
    for (index, c) in expression.char_indices() {
        match c {
            '+' | '-' | '*' | '/' if index > 0 => text.extend([' ', c, ' ']),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const QUESTION: &str =
        "Natalia sold clips to 48 of her friends in April, and then she sold half as many in May. How many?";
    const ANSWER: &str =
        "She sold 48/2 = <<48/2=24>>24 clips in May.\nWith the 24, she sold 48+24 = $<<48+24=72>>72 in all.\n#### 72";
    const PLAIN: Style = Style { times: "*", numbered: false, boxed: false };

    #[test]
    fn the_right_solution_has_the_steps_and_the_answer() {
        let solution = right_solution(ANSWER, PLAIN).unwrap();
        assert_eq!(
            solution.steps,
            ["She sold 48/2 = 24 clips in May.", "With the 24, she sold 48+24 = $72 in all.", "The answer is 72."]
        );
        let numbered = Style { numbered: true, boxed: true, ..PLAIN };
        assert_eq!(right_solution(ANSWER, numbered).unwrap().steps[2], "Step 3: The answer is \\boxed{72}.");
        assert_eq!(right_solution("no end", PLAIN), None);
    }

    #[test]
    fn a_mistake_is_carried_on() {
        let (lines, answer) = read(ANSWER).unwrap();
        let mut change = Change { lines, answer, renamed: Vec::new() };
        change.rewrite(0, 1, "48*2", "96").unwrap();
        change.renamed.push(("24".into(), "96".into()));
        change.carry_on(0, 2).unwrap();
        let solution = written(&change.lines, &change.answer, PLAIN);
        assert_eq!(
            solution.steps,
            ["She sold 48*2 = 96 clips in May.", "With the 96, she sold 48+96 = $144 in all.", "The answer is 144."]
        );
    }

    #[test]
    fn every_wrong_solution_goes_wrong_where_it_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let right = right_solution(ANSWER, PLAIN).unwrap();
        let mut seen = Vec::new();
        for _ in 0..200 {
            let Some(wrong) = corrupted_solution(QUESTION, ANSWER, PLAIN, &mut rng) else { continue };
            let error = wrong.first_error;
            assert_eq!(wrong.solution.steps[..error], right.steps[..error]);
            assert_ne!(wrong.solution.steps[error], right.steps[error]);
            assert_eq!(wrong.solution.steps.len(), 3);
            seen.push((error, wrong.mistake));
        }
        for error in 0..2 {
            for mistake in [Mistake::Result, Mistake::Operation, Mistake::Operand] {
                assert!(seen.contains(&(error, mistake)), "{error} {mistake:?}");
            }
        }
    }

    #[test]
    fn expressions_are_found_as_people_write_them() {
        let found = |text: &str, expression: &str| written_form(text, expression).map(|range| text[range].to_owned());
        assert_eq!(found("costs $1,200 x 3 = $", "1200*3").as_deref(), Some("1,200 x 3"));
        assert_eq!(found("costs 12+3 = ", "2+3").as_deref(), Some("2+3"));
        assert_eq!(found("five times", "5*2"), None);
        assert_eq!(numbers("1,200 of .5, 3. and x").map(|(_, n)| n).collect::<Vec<_>>(), ["1,200", ".5", "3"]);
    }

    #[test]
    fn only_numbers_that_people_write_are_results() {
        let shown = |above, below| decimal(Rational::new(above, below).unwrap());
        assert_eq!(shown(3, 2).as_deref(), Some("1.5"));
        assert_eq!(shown(5, 4).as_deref(), Some("1.25"));
        assert_eq!(shown(1, 20).as_deref(), Some("0.05"));
        assert_eq!((shown(1, 3), shown(-1, 1), shown(1_000_000_000, 1)), (None, None, None));
    }
}
