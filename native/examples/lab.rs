use burn::tensor::Device;
use minform_core::config::Config;
use minform_core::demo::{Demo, settings};
use minform_core::event::Event;
use minform_core::model::ModelConfig;
use minform_core::policy::Policy;
use minform_core::prm::Prm;
use std::ops::ControlFlow;
use std::time::Instant;

fn config(sets: &[String]) -> Config {
    let mut table = toml::Table::try_from(settings(false)).unwrap();
    for set in sets {
        let (k, v) = set.split_once('=').unwrap();
        let value: toml::Value = toml::from_str::<toml::Table>(&format!("x = {v}"))
            .map(|t| t["x"].clone())
            .unwrap_or(toml::Value::String(v.into()));
        let parts: Vec<&str> = k.split('.').collect();
        let mut here = &mut table;
        for p in &parts[..parts.len() - 1] {
            here = here.get_mut(*p).unwrap().as_table_mut().unwrap();
        }
        let old = here.get(parts[parts.len() - 1]).unwrap_or_else(|| panic!("no {k}"));
        let value = match (old, value) {
            (toml::Value::Float(_), toml::Value::Integer(i)) => toml::Value::Float(i as f64),
            (_, v) => v,
        };
        here.insert(parts[parts.len() - 1].into(), value);
    }
    table.try_into().unwrap()
}
fn load_policy(path: &str, d: &Device) -> Policy {
    let c = ModelConfig::from_json(&std::fs::read(format!("{path}.json")).unwrap()).unwrap();
    Policy::from_files(c, vec![std::fs::read(format!("{path}.st")).unwrap()], d).unwrap()
}
fn load_prm(path: &str, d: &Device) -> Prm {
    let c = ModelConfig::from_json(&std::fs::read(format!("{path}.json")).unwrap()).unwrap();
    Prm::from_files(c, vec![std::fs::read(format!("{path}.st")).unwrap()], d).unwrap()
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    let mut every = 0usize;
    let mut hear = move |event: Event| {
        match &event {
            Event::SftStep(s) => {
                every += 1;
                if every % 20 == 0 {
                    println!("{:.0}s sft {} loss {:.3}", start.elapsed().as_secs_f32(), s.step, s.loss);
                }
            }
            Event::PrmStep(s) => {
                every += 1;
                if every % 20 == 0 {
                    println!(
                        "{:.0}s prm {} loss {:.4} g {:.2}",
                        start.elapsed().as_secs_f32(),
                        s.step,
                        s.loss,
                        s.grad_norm
                    );
                }
            }
            Event::Update(u) => {
                every += 1;
                if every % 10 == 1 {
                    println!(
                        "{:.0}s rl {} out {:?} sr {:?} ver {:?} kl {:?} H {:?} len {:.1} steps {:.2} trunc {:.3} g {:.3}",
                        start.elapsed().as_secs_f32(),
                        u.step,
                        u.process_outcome,
                        u.step_reward,
                        u.verified,
                        u.kl,
                        u.entropy,
                        u.length,
                        u.steps,
                        u.truncated,
                        u.grad_norm
                    );
                }
            }
            Event::Evaluation(e) => println!(
                "{:.0}s EVAL {} {} greedy {:.3} sampled {:.3} len {:.1} steps {:.2}",
                start.elapsed().as_secs_f32(),
                e.name,
                e.step,
                e.greedy,
                e.sampled,
                e.length,
                e.steps
            ),
            Event::Sample(x) => {
                println!("SAMPLE {} {}", x.step, x.prompt);
                for i in 0..x.steps.len() {
                    println!(
                        "    {:+.2} {:+.2} {}",
                        x.scores.get(i).unwrap_or(&0.0),
                        x.returns.get(i).unwrap_or(&0.0),
                        x.steps[i]
                    );
                }
            }
            Event::PrmQuality(q) => println!("{:.0}s PRM {:?}", start.elapsed().as_secs_f32(), q),
            Event::PhaseFinished { phase, tokens } => {
                println!("{:.0}s done {:?} tokens {}", start.elapsed().as_secs_f32(), phase, tokens)
            }
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let device = Device::flex().autodiff();
    match args[0].as_str() {
        "base" => {
            let c = config(&args[2..]);
            let mut demo = Demo::new(&c, &device).unwrap();
            pollster::block_on(demo.fine_tune(&mut hear)).unwrap();
            pollster::block_on(demo.evaluate("base", 0, &mut hear)).unwrap();
            std::fs::write(format!("{}.json", args[1]), serde_json::to_vec(&demo.policy.config.to_json()).unwrap())
                .unwrap();
            std::fs::write(format!("{}.st", args[1]), demo.policy.to_safetensors().unwrap()).unwrap();
        }
        "prm" => {
            let c = config(&args[3..]);
            let mut demo = Demo::new(&c, &device).unwrap();
            demo.policy = load_policy(&args[1], &device);
            pollster::block_on(demo.learn_prm(&mut hear)).unwrap();
            let prm = demo.prm.as_ref().unwrap();
            std::fs::write(format!("{}.json", args[2]), serde_json::to_vec(&prm.config.to_json()).unwrap()).unwrap();
            std::fs::write(format!("{}.st", args[2]), prm.to_safetensors().unwrap()).unwrap();
        }
        "rl" => {
            let c = config(&args[4..]);
            let mut demo = Demo::new(&c, &device).unwrap();
            demo.policy = load_policy(&args[1], &device);
            if args[2] != "none" {
                demo.prm = Some(load_prm(&args[2], &device));
            }
            pollster::block_on(demo.evaluate("base", 0, &mut hear)).unwrap();
            pollster::block_on(demo.reinforce(&mut hear)).unwrap();
            pollster::block_on(demo.evaluate("final", 0, &mut hear)).unwrap();
            if args[2] != "none" {
                pollster::block_on(demo.judge_present_policy(&mut hear)).unwrap();
            }
            std::fs::write(format!("{}.json", args[3]), serde_json::to_vec(&demo.policy.config.to_json()).unwrap())
                .unwrap();
            std::fs::write(format!("{}.st", args[3]), demo.policy.to_safetensors().unwrap()).unwrap();
        }
        "show" => {
            use minform_core::policy::Generator;
            use minform_core::train::Rollout;
            use minform_text::steps::Separators;
            use minform_text::world::{self, *};
            let c = config(&args[3..]);
            let policy = load_policy(&args[1], &device).frozen();
            let prm = load_prm(&args[2], &device).frozen();
            let tok = minform_text::tokenizer::Tokenizer::from_json(world::tokenizer_json().as_bytes()).unwrap();
            let sep = Separators::from_tokenizer(&tok);
            let levels = Level::new(c.world.min_level).unwrap()..=Level::new(c.world.max_level).unwrap();
            let problems: Vec<_> = World { seed: 5 }.problems(Split::Test, levels).take(400).collect();
            let prompts: Vec<_> = problems.iter().map(|p| tok.encode(&prompt(p)).unwrap()).collect();
            let g = Generator::new(&policy.model, &policy.config);
            let rs = pollster::block_on(g.generate(&prompts, 1, &c.sampling, 1, &mut |_| ControlFlow::Continue(())))
                .unwrap();
            let mut counts = std::collections::BTreeMap::new();
            for (i, r) in rs.into_iter().enumerate() {
                let ro = Rollout::new(0, &prompts[i], r[0].clone(), &sep, &[EOS_ID], c.rl.truncated);
                let texts = ro.step_texts(&tok).unwrap();
                let v = check_steps(&problems[i], texts.iter().map(String::as_str));
                let s =
                    pollster::block_on(minform_core::prm::score(&prm, &[ro.prm_input(NEWLINE_ID)], 1280, &mut |_| {
                        true
                    }))
                    .unwrap();
                for (k, x) in v.steps.iter().enumerate() {
                    let e = counts.entry(format!("{x:?}")).or_insert((0, 0.0));
                    e.0 += 1;
                    e.1 += s[0][k];
                    if Some(k) == v.first_error() {
                        let e = counts.entry(format!("first {x:?}")).or_insert((0, 0.0));
                        e.0 += 1;
                        e.1 += s[0][k];
                    }
                }
                if i < 12 {
                    println!("{} {:?}", problems[i].question(), problems[i].values());
                    for k in 0..texts.len() {
                        println!("   {:+.2} {:?} {}", s[0].get(k).unwrap_or(&0.0), v.steps[k], texts[k]);
                    }
                }
            }
            for (k, (n, s)) in counts {
                println!("{k} {n} mean score {:.2}", s / n as f32);
            }
        }
        "curve" => {
            use minform_core::policy::Response;
            use minform_core::prm::LabelledSteps;
            use minform_core::train::Rollout;
            use minform_text::steps::Separators;
            use minform_text::world::{self, *};
            let c = config(&args[4..]);
            let rows: usize = args[3].parse().unwrap();
            let policy = load_policy(&args[1], &device);
            let tok = minform_text::tokenizer::Tokenizer::from_json(world::tokenizer_json().as_bytes()).unwrap();
            let w = World { seed: 99 };
            let mut rng = w.rng(Split::Train);
            let sep = Separators::from_tokenizer(&tok);
            let levels = Level::new(c.world.min_level).unwrap()..=Level::new(c.world.max_level).unwrap();
            let habits = Habits { filler: c.world.filler, mistakes: c.world.mistakes };
            let mut make = |n: usize| -> Vec<LabelledSteps> {
                (0..n)
                    .map(|_| {
                        let problem = Problem::sample(&mut rng, &levels, Split::Train);
                        let text = world::written(&mut rng, &problem, habits);
                        let mut tokens = tok.encode(&text).unwrap();
                        tokens.push(EOS_ID);
                        let prompt = tok.encode(&prompt(&problem)).unwrap();
                        let r = Response { log_probs: vec![0.0; tokens.len()], tokens, finished: true };
                        let ro = Rollout::new(0, &prompt, r, &sep, &[EOS_ID], c.rl.truncated);
                        let v = check_steps(&problem, ro.step_texts(&tok).unwrap().iter().map(String::as_str));
                        LabelledSteps { input: ro.prm_input(NEWLINE_ID), labels: v.labels() }
                    })
                    .collect()
            };
            let mut data = make(rows);
            let val = make(400);
            if std::env::var("DENSE").is_ok() {
                for row in &mut data {
                    let mut positions = vec![];
                    let mut labels = vec![];
                    for (p, l) in row.input.positions.iter().zip(&row.labels) {
                        positions.push(*p - 1);
                        labels.push(*l);
                        positions.push(*p);
                        labels.push(*l);
                    }
                    row.input.positions = positions;
                    row.labels = labels;
                }
            }
            let mut prm = Prm::from_policy(&policy, 3);
            pollster::block_on(minform_core::prm::train(&mut prm, &c.prm, &data, 5, &mut hear)).unwrap();
            let inputs: Vec<_> = val.iter().map(|r| r.input.clone()).collect();
            let labels: Vec<_> = val.iter().map(|r| r.labels.clone()).collect();
            let scores =
                pollster::block_on(minform_core::prm::score(&prm.frozen(), &inputs, 1280, &mut |_| true)).unwrap();
            println!("{:?}", minform_core::prm::quality("val", &scores, &labels, 0.0));
            std::fs::write(format!("{}.json", args[2]), serde_json::to_vec(&prm.config.to_json()).unwrap()).unwrap();
            std::fs::write(format!("{}.st", args[2]), prm.to_safetensors().unwrap()).unwrap();
        }
        _ => panic!(),
    }
}
