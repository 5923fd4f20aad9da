//! Wrong solutions made from right ones, with the step at which they go wrong.
//!
//! A reference answer of GSM8K says what it calculates, `48/2 = <<48/2=24>>24`. One calculation is changed, and what
//! follows is calculated anew from the wrong result, so that the error is where it was made and nowhere else:
//! later steps are right in themselves, as in what models write. No learned model and no answer of a benchmark is
//! involved.

use std::ops::Range;

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
        // Where the result stands already, what follows may mean either number, and what stands there would contradict
        // the mistake.
        if self.stated(line, part).chain(known.iter().cloned()).any(|other| number(&other) == number(&result)) {
            return None;
        }
        let edit = match mistake {
            Mistake::Result => None,
            Mistake::Operation => Some(other_operation(&expression, rng)?),
            Mistake::Operand => Some(other_number(&expression, &known, rng)?),
        };
        let changed = edit.as_ref().map_or_else(|| expression.clone(), |edit| edit.applied_to(&expression));
        let outcome = match mistake {
            Mistake::Result => slipped(&result, rng)?,
            Mistake::Operation | Mistake::Operand => decimal(value(&changed)?)?,
        };
        if number(&outcome)? == number(&result)? {
            return None;
        }
        self.rewrite(line, part, edit.as_ref(), &outcome)?;
        self.rename(result, outcome)?;
        // The result itself stands in the text that follows.
        self.carry_on(line, part + 1, true)?;
        Some(self)
    }

    /// Numbers of a line in the text before one of its parts.
    fn stated(&self, line: usize, part: usize) -> impl Iterator<Item = String> + '_ {
        let texts = self.lines[line].0[..part].iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Calculation { .. } => None,
        });
        texts.flat_map(|text| numbers(text).map(|(_, found)| found.replace(',', "")))
    }

    /// Numbers of the question and results before a line.
    fn known(&self, question: &str, line: usize) -> Vec<String> {
        let results = self.lines[..line].iter().flat_map(|line| &line.0).filter_map(|part| match part {
            Part::Calculation { result, .. } => Some(result.clone()),
            Part::Text(_) => None,
        });
        numbers(question).map(|(_, text)| text.replace(',', "")).chain(results).collect()
    }

    /// Calculates everything from a part of a line on, with the results that have become others; `behind` tells that the
    /// part is the text behind a calculation.
    fn carry_on(&mut self, line: usize, part: usize, mut behind: bool) -> Option<()> {
        for index in line..self.lines.len() {
            let first = if index == line { part } else { 0 };
            for part in first..self.lines[index].0.len() {
                match self.lines[index].0[part].clone() {
                    Part::Text(text) => {
                        // The number behind a calculation is its own result, whatever else is as large.
                        let own =
                            if behind { numbers(&text).next().map_or(0, |(at, found)| at + found.len()) } else { 0 };
                        let text = format!("{}{}", &text[..own], self.renamed_in(&text[own..]));
                        self.lines[index].0[part] = Part::Text(text);
                        behind = false;
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
                        behind = true;
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

    /// Makes an edit of a calculation, in the text before it too, and gives it another result.
    fn rewrite(&mut self, line: usize, part: usize, edit: Option<&Edit>, result: &str) -> Option<()> {
        let Part::Calculation { expression: old, .. } = self.lines[line].0[part].clone() else { return None };
        let mut expression = old.clone();
        if let Some(edit) = edit {
            let Part::Text(before) = &mut self.lines[line].0[part.checked_sub(1)?] else { return None };
            // Nothing but what is changed is written anew, so that a change does not show in blanks or signs.
            let place = edit.place_in(before, &old)?;
            let with = written_like(&edit.with, &before[place.clone()]);
            before.replace_range(place, &with);
            expression = edit.applied_to(&old);
        }
        self.rewrite_result(line, part, result)?;
        self.lines[line].0[part] = Part::Calculation { expression, result: result.to_owned() };
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
        let result = written_like(result, found);
        is_result.then(|| after.replace_range(start..end, &result))
    }

    /// A text with the results that have become others.
    fn renamed_in(&self, text: &str) -> String {
        let mut renamed = String::with_capacity(text.len());
        let mut end = 0;
        for (start, found) in numbers(text) {
            let plain = number(&found.replace(',', ""));
            let other = self.renamed.iter().rev().find(|(before, _)| number(before) == plain);
            renamed.push_str(&text[end..start]);
            renamed.push_str(&other.map_or_else(|| found.to_owned(), |(_, after)| written_like(after, found)));
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

/// A change of an expression in one place.
struct Edit {
    at: Range<usize>,
    with: String,
}

impl Edit {
    fn applied_to(&self, expression: &str) -> String {
        let mut changed = expression.to_owned();
        changed.replace_range(self.at.clone(), &self.with);
        changed
    }

    /// Where the same place is in a text that ends with the expression.
    fn place_in(&self, text: &str, expression: &str) -> Option<Range<usize>> {
        let written = written_form(text, expression)?;
        let inside = || written.iter().filter(|(at, _)| self.at.contains(at)).map(|(_, place)| place);
        let (start, end) = (inside().map(|place| place.start).min()?, inside().map(|place| place.end).max()?);
        Some(start..end)
    }
}

/// Another operation in one place of an expression.
fn other_operation(expression: &str, rng: &mut (impl Rng + ?Sized)) -> Option<Edit> {
    let places: Vec<(usize, char)> =
        expression.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-' | '*' | '/')).collect();
    let &(at, old) = places.choose(rng)?;
    let others: Vec<char> = ['+', '-', '*', '/'].into_iter().filter(|other| *other != old).collect();
    Some(Edit { at: at..at + 1, with: others.choose(rng)?.to_string() })
}

/// Another known number in the place of one of an expression.
fn other_number(expression: &str, known: &[String], rng: &mut (impl Rng + ?Sized)) -> Option<Edit> {
    let places: Vec<(usize, &str)> = numbers(expression).collect();
    let &(start, old) = places.choose(rng)?;
    let others: Vec<&String> = known.iter().filter(|other| number(other) != number(old)).collect();
    Some(Edit { at: start..start + old.len(), with: (*others.choose(rng)?).clone() })
}

/// Where a text ends with an expression as people write it, with blanks, dollar signs, thousands commas and × signs: the
/// place of each character of the expression.
fn written_form(text: &str, expression: &str) -> Option<Vec<(usize, Range<usize>)>> {
    let is_filling = |c: char| c.is_whitespace() || matches!(c, '$' | ',' | '=');
    let same = |a: char, b: char| a == b || b == '*' && matches!(a, 'x' | 'X' | '×');
    let mut wanted = expression.char_indices().rev().filter(|(_, c)| !is_filling(*c)).peekable();
    let mut found = Vec::new();
    for (at, c) in text.char_indices().rev().filter(|(_, c)| !is_filling(*c)) {
        let Some((place, next)) = wanted.next() else { break };
        if !same(c, next) {
            return None;
        }
        found.push((place, at..at + c.len_utf8()));
    }
    wanted.peek().is_none().then_some(found)
}

/// A number with thousands commas and two decimals where another one is written so.
fn written_like(number: &str, other: &str) -> String {
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return number.to_owned();
    }
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let has_two = other.rsplit_once('.').is_some_and(|(_, decimals)| decimals.len() == 2);
    let decimals = if has_two { format!("{decimals:0<2}") } else { decimals.to_owned() };
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if other.contains(',') && index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if decimals.is_empty() { grouped } else { format!("{grouped}.{decimals}") }
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
        change.rewrite(0, 1, Some(&Edit { at: 2..3, with: "*".into() }), "96").unwrap();
        change.renamed.push(("24".into(), "96".into()));
        change.carry_on(0, 2, true).unwrap();
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

    /// A result that stands in the question or before its calculation would contradict the mistake.
    #[test]
    fn results_that_stand_already_are_left_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut first_errors = |question: &str, answer: &str| -> Vec<usize> {
            let wrong = (0..100).filter_map(|_| corrupted_solution(question, answer, PLAIN, &mut rng));
            wrong.map(|wrong| wrong.first_error).collect()
        };
        let stated = "She sold 24 in May, since 48/2 = <<48/2=24>>24.\nIn all 48+24 = <<48+24=72>>72.\n#### 72";
        assert!(first_errors(QUESTION, stated).iter().all(|error| *error == 1));
        assert!(!first_errors(QUESTION, stated).is_empty());
        let asked = "Natalia sold clips to 48 friends and 24 others. How many are 72 less 24?";
        assert!(first_errors(asked, ANSWER).is_empty());
    }

    #[test]
    fn nothing_but_the_change_is_written_anew() {
        let edited = |text: &str, expression: &str, at: Range<usize>, with: &str| {
            let edit = Edit { at, with: with.into() };
            let place = edit.place_in(text, expression)?;
            let mut text = text.to_owned();
            let with = written_like(with, &text[place.clone()]);
            text.replace_range(place, &with);
            Some(text)
        };
        assert_eq!(edited("costs $1,200 x 3 = $", "1200*3", 0..4, "2400").as_deref(), Some("costs $2,400 x 3 = $"));
        assert_eq!(edited("costs $1,200 x 3 = $", "1200*3", 4..5, "-").as_deref(), Some("costs $1,200 - 3 = $"));
        assert_eq!(edited("is 0.2 x 50 = ", "0.2*50", 4..6, "12").as_deref(), Some("is 0.2 x 12 = "));
        assert_eq!(edited("five times", "5*2", 0..1, "6"), None);
        assert_eq!(numbers("1,200 of .5, 3. and x").map(|(_, n)| n).collect::<Vec<_>>(), ["1,200", ".5", "3"]);
        let like = [("13.5", "12.50"), ("1100", "1,200"), ("1200000", "1,000"), ("7", "5"), ("+", "-"), ("7", "12.50")];
        let written: Vec<String> = like.iter().map(|(number, other)| written_like(number, other)).collect();
        assert_eq!(written, ["13.50", "1,100", "1,200,000", "7", "+", "7.00"]);
    }

    #[test]
    fn an_equal_result_of_another_calculation_stays() {
        let (lines, answer) = read("5+5=<<5+5=10>>10\n20/2=<<20/2=10>>10\n10+10=<<10+10=20>>20\n#### 20").unwrap();
        let mut change = Change { lines, answer, renamed: Vec::new() };
        change.rewrite(0, 1, None, "11").unwrap();
        change.renamed.push(("10".into(), "11".into()));
        change.carry_on(0, 2, true).unwrap();
        let steps = written(&change.lines, &change.answer, PLAIN).steps;
        assert_eq!(steps, ["5+5=11", "20/2=10", "11+11=22", "The answer is 22."]);
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
