//! The service as its clients meet it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::program::{binary, minform, stderr};

const PRM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/models/nano/prm");

/// A service that ends with the test.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(options: &[&str]) -> Self {
        let mut process = Command::new(binary())
            .args(["serve", "--prm", PRM, "--bind", "127.0.0.1:0", "--json"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Self { process, address: told["listening"].as_str().unwrap().into() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn score(&self, client: &Client, body: &Value) -> (StatusCode, Value) {
        let response = client.post(self.url("/v1/score")).json(body).send().unwrap();
        (response.status(), response.json().unwrap())
    }

    /// Asks it to end, as a service manager does.
    fn end(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(120)).build().unwrap()
}

fn row(n: usize) -> Value {
    let (a, b) = (n % 7, n % 11);
    json!({ "id": n.to_string(), "problem": format!("{a} + {b} => "), "steps": [format!("{a} + {b} = {}", a + b)] })
}

#[test]
fn scores_are_those_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Value> = (0..20).map(row).collect();
    let file = folder.path().join("rows.json");
    std::fs::write(&file, Value::from(rows.clone()).to_string()).unwrap();
    let output = minform(&["prm", "score", "--prm", PRM, "--data", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let expected: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();

    let service = Service::start(&[]);
    let (status, found) = service.score(&client(), &rows.into());
    assert_eq!(status, StatusCode::OK);
    let found = found["results"].as_array().unwrap();
    assert_eq!((found.len(), expected.len()), (20, 20));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!((&found["id"], &found["first_error"]), (&expected["id"], &expected["first_error"]));
        let difference = found["min"].as_f64().unwrap() - expected["min"].as_f64().unwrap();
        assert!(difference.abs() < 1e-5, "{found} against {expected}");
    }
    assert!(service.end().success());
}

#[test]
fn one_object_spread_over_lines_is_one_row() {
    let service = Service::start(&[]);
    let body = serde_json::to_string_pretty(&row(3)).unwrap();
    let response: Value = client().post(service.url("/v1/score")).body(body).send().unwrap().json().unwrap();
    assert_eq!(response["results"][0]["scores"].as_array().unwrap().len(), 1, "{response}");
}

#[test]
fn bad_requests_are_refused_and_bad_rows_named() {
    let service = Service::start(&["--max-body", "4000"]);
    let client = client();
    let (status, answer) = service.score(&client, &json!([row(1), { "id": "bad", "problem": "3 + 4?" }]));
    assert_eq!(status, StatusCode::OK);
    assert!(answer["results"][0]["scores"].is_array() && answer["results"][1]["error"].is_string(), "{answer}");
    let (status, answer) = service.score(&client, &json!([]));
    assert!(status == StatusCode::BAD_REQUEST && answer["error"].as_str().unwrap().contains("no row"), "{answer}");
    let large = client.post(service.url("/v1/score")).body("x".repeat(4001)).send().unwrap();
    let method = client.get(service.url("/v1/score")).send().unwrap();
    assert_eq!(method.headers()["allow"], "POST");
    let path = client.get(service.url("/nothing")).send().unwrap();
    let refused = [
        (large, StatusCode::PAYLOAD_TOO_LARGE, "--max-body"),
        (method, StatusCode::METHOD_NOT_ALLOWED, "POST /v1/score"),
        (path, StatusCode::NOT_FOUND, "POST /v1/score"),
    ];
    for (response, status, why) in refused {
        assert_eq!(response.status(), status);
        let told: Value = response.json().unwrap();
        assert!(told["error"].as_str().unwrap().contains(why), "{told}");
    }
    let long = json!({ "problem": "3 + 4?", "steps": vec!["3 + 4 = 7"; 250] }).to_string();
    for (body, why) in [("{bad", "JSON"), (&long, "context")] {
        let broken = client.post(service.url("/v1/score")).body(body.to_owned()).send().unwrap();
        assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
        let told: Value = broken.json().unwrap();
        assert!(
            told["error"].as_str().unwrap().contains(why) && told["results"][0]["error"] == told["error"],
            "{told}"
        );
    }
    assert_eq!(client.get(service.url("/health")).send().unwrap().text().unwrap(), "ok\n");
}

#[test]
fn a_token_keeps_others_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "open-sesame\n").unwrap();
    let service = Service::start(&["--token-file", file.to_str().unwrap()]);
    let client = client();
    for path in ["/v1/model", "/metrics"] {
        let asked = || client.get(service.url(path));
        assert_eq!(asked().send().unwrap().status(), StatusCode::UNAUTHORIZED);
        assert_eq!(asked().bearer_auth("open").send().unwrap().status(), StatusCode::UNAUTHORIZED);
        assert_eq!(asked().bearer_auth("open-sesame").send().unwrap().status(), StatusCode::OK);
    }
    let score = client.post(service.url("/v1/score")).json(&row(1)).send().unwrap();
    assert_eq!(score.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(client.get(service.url("/health")).send().unwrap().status(), StatusCode::OK);
    std::fs::write(&file, " \n").unwrap();
    let empty = minform(&["serve", "--prm", PRM, "--token-file", file.to_str().unwrap()]);
    assert!(!empty.status.success() && stderr(&empty).contains("holds no token"), "{}", stderr(&empty));
}

#[test]
fn the_page_is_served_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web");
    std::fs::create_dir(&web).unwrap();
    std::fs::write(web.join("index.html"), "<p>page").unwrap();
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let service = Service::start(&["--web", web.to_str().unwrap()]);
    assert_eq!(client().get(service.url("/")).send().unwrap().text().unwrap(), "<p>page");
    // A client library would tidy these paths up before it sends them.
    for path in ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//secret.txt"] {
        let mut stream = TcpStream::connect(service.address.trim_start_matches("http://")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(!answer.starts_with("HTTP/1.1 200") && !answer.contains("secret"), "{path}: {answer}");
    }
    let missing = minform(&["serve", "--prm", PRM, "--web", folder.path().to_str().unwrap()]);
    assert!(stderr(&missing).contains("cargo xtask web"), "{}", stderr(&missing));
}

/// How long each of `count` clients waited for each of its `each` answers, all of which must be right.
fn load(service: &Service, count: usize, each: usize) -> Vec<Duration> {
    let client = client();
    let one = |from: usize| {
        let asked = (0..each).map(|n| {
            let (row, began) = (row(from * each + n), Instant::now());
            let (status, answer) = service.score(&client, &row);
            assert_eq!(status, StatusCode::OK, "{answer}");
            assert_eq!(answer["results"][0]["id"], row["id"]);
            assert_eq!(answer["results"][0]["scores"].as_array().unwrap().len(), 1);
            began.elapsed()
        });
        asked.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..count).map(|from| scope.spawn(move || one(from))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn two_hundred_clients_lose_nothing() {
    let service = Service::start(&[]);
    let mut times = load(&service, 200, 5);
    times.sort();
    let at = |share: usize| times[times.len() * share / 100];
    println!("1,000 requests of 200 clients: p50 {:?}, p99 {:?}", at(50), at(99));
    let metrics = client().get(service.url("/metrics")).send().unwrap().text().unwrap();
    let answered = r#"minform_requests_total{path="/v1/score",status="200"} 1000"#;
    assert!(metrics.contains(answered) && metrics.contains("minform_rows_total 1000"), "{metrics}");
    assert!(service.end().success());
}

#[test]
fn a_full_queue_refuses_and_says_when_to_come_back() {
    let service = Service::start(&["--queue", "1"]);
    let client = client();
    let long: Vec<Value> = (0..2000).map(row).collect();
    let statuses: Vec<StatusCode> = thread::scope(|scope| {
        let ask = || {
            let response = client.post(service.url("/v1/score")).json(&long).send().unwrap();
            let status = response.status();
            assert_eq!(status == StatusCode::TOO_MANY_REQUESTS, response.headers().contains_key("retry-after"));
            status
        };
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    let (answered, refused) = (count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS));
    assert!(answered > 0 && refused > 0 && answered + refused == 12, "{statuses:?}");
}

/// A connection that has announced a body of so many bytes and sent five of them.
fn half_asked(service: &Service, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(service.address.trim_start_matches("http://")).unwrap();
    let head = format!("POST /v1/score HTTP/1.1\r\nHost: minform\r\nContent-Length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(b"[{\"id")).unwrap();
    stream
}

#[test]
fn a_body_that_never_arrives_keeps_nobody_waiting() {
    let service = Service::start(&[]);
    let mut line = String::new();
    BufReader::new(half_asked(&service, 99_999_999)).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 413 "), "{line}");
    let half = half_asked(&service, 100);
    thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    assert!(service.end().success());
    assert!(began.elapsed() < Duration::from_secs(30), "of the 60 that a request may take");
    line.clear();
    BufReader::new(half).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 503 "), "{line}");
}

#[test]
fn whoever_was_let_in_is_answered_before_the_end() {
    let service = Service::start(&[]);
    let (client, url) = (client(), service.url("/v1/score"));
    let long: Vec<Value> = (0..1500).map(row).collect();
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let (client, url, long) = (client.clone(), url.clone(), long.clone());
            thread::spawn(move || client.post(url).json(&long).send().unwrap().json::<Value>().unwrap())
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    assert!(service.end().success());
    for one in asked {
        assert_eq!(one.join().unwrap()["results"].as_array().unwrap().len(), 1500);
    }
}
