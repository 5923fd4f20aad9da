//! `minform search`: right answers with a policy and a process reward model, and what they cost.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use minform_core::Error;
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::policy::NewToken;
use minform_core::search::{Chosen, Method, Question, Searcher, Solution, Spent, choose};
use minform_credit::{Aggregate, Vote, mean};
use minform_text::data::Problem;
use minform_text::prompter::Prompter;
use minform_text::tokenizer::Tokenizer;
use serde_json::json;

use super::problems::{Asking, problems_of};
use crate::cli::{Search, SearchMethod};
use crate::figure::{Curve, Figure};
use crate::folder::{Folder, picture_beside, refuse_present, write_file};
use crate::output;
use crate::run::Run;

/// How the answer is chosen, with its name. The first tells the solution of highest value.
const RULES: [(&str, Chosen); 6] = [
    ("min", Chosen::Best(Aggregate::Min)),
    ("product", Chosen::Best(Aggregate::Product)),
    ("majority", Chosen::Vote(Vote::Majority)),
    ("weighted", Chosen::Vote(Vote::Weighted(Aggregate::Min))),
    ("complexity", Chosen::Vote(Vote::Complexity { share: 0.5 })),
    ("pessimistic", Chosen::Vote(Vote::Pessimistic { aggregate: Aggregate::Min, alpha: 0.1 })),
];

/// What one method reached with so many beams.
#[derive(Debug)]
struct Found {
    method: &'static str,
    n: usize,
    /// Share of the problems of which any solution was right.
    oracle: f32,
    /// Share of right answers by each rule.
    accuracy: Vec<(&'static str, f32)>,
    policy_tokens: usize,
    prm_calls: usize,
    prm_tokens: usize,
}

pub(crate) fn run(options: &Search) -> Result<()> {
    if let Some(out) = &options.out {
        refuse_present(&[out, &picture_beside(out)?], options.overwrite)?;
    }
    let Asking { config, device, folder, prompter } =
        Asking::open(&options.common, &options.policy, options.asked.template, false)?;
    let prm = Folder::open(&options.prm)?;
    prm.expect_prm()?;
    if !prm.reads_as(&folder)? {
        bail!("{} and the policy have different tokenizers", options.prm.display());
    }
    let questions = questions(options, &config, &folder.tokenizer, &prompter)?;
    let (policy, prm) =
        (folder.policy(&device)?.for_inference(config.dtype), prm.prm(&device)?.for_inference(config.dtype));
    let mut run = Run::without_folder("search", &config);
    let methods = methods(options);
    let phase = Phase::Generate;
    let _ = run.hear(Event::PhaseStarted { phase, total: methods.len() * options.n.len() });
    let mut tokens = 0;
    let mut found = Vec::new();
    for (n, (name, method)) in options.n.iter().flat_map(|n| methods.iter().map(move |method| (*n, method))) {
        let (sampling, prm_tokens) = (&config.sampling, config.prm.micro_batch_tokens);
        let mut searcher = Searcher::new(&policy, &prm, &folder.tokenizer, sampling, prm_tokens, config.seed)?;
        let mut hear = |_: NewToken| {
            tokens += 1;
            run.hear(Event::Progress { phase, done: found.len(), tokens })
        };
        match pollster::block_on(searcher.search(*method, &questions, n, &mut hear)) {
            Ok(solutions) => found.push(Found::new(name, n, &solutions, searcher.spent)),
            // What was found before is worth telling.
            Err(Error::Stopped) if !found.is_empty() => {
                run.finish()?;
                tell(options, &found, questions.len())?;
                return Err(Error::Stopped.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let _ = run.hear(Event::PhaseFinished { phase, tokens });
    run.finish()?;
    tell(options, &found, questions.len())
}

/// The problems that have an answer, as the policy is asked.
fn questions(options: &Search, config: &Config, tokenizer: &Tokenizer, prompter: &Prompter) -> Result<Vec<Question>> {
    let problems = problems_of(&options.data, options.rows, config)?;
    let mut questions = Vec::with_capacity(problems.len());
    for Problem { question, answer, .. } in problems {
        let Some(answer) = answer else { continue };
        questions.push(Question { prompt: tokenizer.encode(&prompter.render(&question)?)?, answer });
    }
    match questions.is_empty() {
        true => bail!("no problem of {} has an answer", options.data.display()),
        false => Ok(questions),
    }
}

fn methods(options: &Search) -> Vec<(&'static str, Method)> {
    let width = options.width;
    let all = [
        (SearchMethod::BestOfN, "best-of-n", Method::BestOfN),
        (SearchMethod::Beam, "beam", Method::Beam { width }),
        (SearchMethod::Dvts, "dvts", Method::Dvts { width }),
    ];
    let wanted = all.into_iter().filter(|(name, ..)| options.method.is_empty() || options.method.contains(name));
    wanted.map(|(_, name, method)| (name, method)).collect()
}

impl Found {
    fn new(method: &'static str, n: usize, solutions: &[Vec<Solution>], spent: Spent) -> Self {
        let share = |right: &dyn Fn(&[Solution]) -> bool| {
            let each: Vec<f32> = solutions.iter().map(|group| f32::from(right(group))).collect();
            mean(&each).unwrap_or(0.0)
        };
        let accuracy = RULES.iter().map(|(name, how)| (*name, share(&|group| choose(group, *how)))).collect();
        let oracle = share(&|group| group.iter().any(|solution| solution.right));
        let Spent { policy_tokens, prm_calls, prm_tokens } = spent;
        Self { method, n, oracle, accuracy, policy_tokens, prm_calls, prm_tokens }
    }
}

fn tell(options: &Search, found: &[Found], problems: usize) -> Result<()> {
    let names: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
    let mut csv = format!("method,n,policy_tokens,prm_calls,prm_tokens,{},oracle\n", names.join(","));
    let mut table = format!(
        "{problems} problems; accuracy in percent, tokens and calls per problem\n\n{:<12}{:>4}{:>9}{:>7}",
        "", "n", "tokens", "calls"
    );
    names.iter().chain(&["oracle"]).for_each(|name| table += &format!("{name:>13}"));
    for one in found {
        let shares: Vec<f32> = one.accuracy.iter().map(|(_, share)| *share).chain([one.oracle]).collect();
        let written: Vec<String> = shares.iter().map(ToString::to_string).collect();
        let Found { method, n, policy_tokens, prm_calls, prm_tokens, .. } = one;
        writeln!(csv, "{method},{n},{policy_tokens},{prm_calls},{prm_tokens},{}", written.join(","))?;
        write!(table, "\n{method:<12}{n:>4}{:>9}{:>7}", policy_tokens / problems, prm_calls / problems)?;
        shares.iter().for_each(|share| table += &format!("{:>13.1}", 100.0 * share));
    }
    if let Some(out) = &options.out {
        write_file(out, csv.as_bytes())?;
        if let Some(figure) = figure(found, problems) {
            write_file(&picture_beside(out)?, figure.svg()?.as_bytes())?;
        }
    }
    output::line(match options.common.json {
        true => json!({ "problems": problems, "found": found.iter().map(as_json).collect::<Vec<_>>() }).to_string(),
        false => table,
    })
}

fn as_json(found: &Found) -> serde_json::Value {
    let accuracy: serde_json::Map<_, _> =
        found.accuracy.iter().map(|(name, share)| ((*name).to_owned(), json!(share))).collect();
    json!({ "method": found.method, "n": found.n, "accuracy": accuracy, "oracle": found.oracle,
        "policy_tokens": found.policy_tokens, "prm_calls": found.prm_calls, "prm_tokens": found.prm_tokens })
}

/// Accuracy against what was written, one curve per method and rule that has a use there.
fn figure(found: &[Found], problems: usize) -> Option<Figure> {
    let curve = |name: String, method: &str, rule: &str| {
        let of = found.iter().filter(|one| one.method == method);
        let point = |one: &Found| {
            let (_, share) = one.accuracy.iter().find(|(name, _)| *name == rule)?;
            Some(((one.policy_tokens as f64 / problems as f64).log2(), f64::from(*share)))
        };
        Curve::line(name, of.filter_map(point))
    };
    let of_whole = RULES.iter().map(|(rule, _)| curve(format!("best-of-n, {rule}"), "best-of-n", rule));
    let of_steps = ["beam", "dvts"].map(|method| curve(format!("{method}, min"), method, "min"));
    Figure::new("accuracy by log2 of the tokens written per problem", of_whole.chain(of_steps).collect())
}
