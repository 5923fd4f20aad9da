//! `minform serve`: step scores over HTTP.

mod batches;
mod figures;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use minform_text::data::read_mixed;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;

use self::batches::{Batches, Refusal};
use self::figures::Figures;
use super::scored_row::ScoredRow;
use super::scoring::Scorer;
use crate::cli::Serve;
use crate::folder::bearer_token;
use crate::run::{catch_interrupt, flow};

/// How long a request may still be arriving once the service is to end.
const ARRIVING: Duration = Duration::from_secs(2);

const PATHS: &str = "there is POST /v1/score, GET /v1/model, GET /metrics and GET /health";

/// What every request may use.
#[derive(Clone)]
struct Service {
    scorer: Arc<Scorer>,
    batches: Batches,
    figures: Arc<Figures>,
    /// Digest of the token that requests must carry.
    token: Option<[u8; 32]>,
}

pub(crate) fn run(options: &Serve) -> Result<()> {
    if let Some(web) = options.web.as_deref().filter(|web| !web.join("index.html").exists()) {
        bail!("{} holds no index.html; `cargo xtask web` builds the page", web.display());
    }
    let token = options.token_file.as_deref().map(bearer_token).transpose()?.map(|token| digest(&token));
    let scorer = Arc::new(Scorer::open(&options.common, &options.prm, &options.reading)?);
    let figures = Arc::new(Figures::default());
    let (batches, worker) = Batches::start(scorer.clone(), figures.clone(), options.queue)?;
    let service = Service { scorer, batches, figures, token };
    catch_interrupt();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(listen(options, service))?;
    // The service is gone, and the queue with it: what was asked is answered.
    worker.join().map_err(|_| anyhow::anyhow!("the scoring thread ended early"))
}

async fn listen(options: &Serve, service: Service) -> Result<()> {
    let listener =
        TcpListener::bind(&options.bind).await.with_context(|| format!("cannot listen on {}", options.bind))?;
    let address = listener.local_addr().context("cannot read the address listened on")?;
    if service.token.is_none() && !address.ip().is_loopback() {
        eprintln!("warning: anyone who reaches {address} can use it; --token-file keeps others out");
    }
    tell(options, &service, address);
    let router = router(options, service);
    let served = axum::serve(listener, router).with_graceful_shutdown(stopped());
    // Whatever has been let in is answered or given up by then; what is left are connections that never asked.
    let longest = ARRIVING + Duration::from_secs(options.timeout.into());
    tokio::select! {
        served = served => served.context("cannot serve")?,
        () = stopped_for(longest) => {}
    }
    eprintln!("stopped; every accepted request is answered");
    Ok(())
}

fn tell(options: &Serve, service: &Service, address: SocketAddr) {
    match options.common.json {
        true => println!("{}", json!({"listening": format!("http://{address}"), "model": model(service)})),
        false => eprintln!("listening on http://{address}; POST /v1/score, GET /v1/model, /health, /metrics"),
    }
}

/// Comes back once Ctrl-C was pressed or the process was asked to end.
async fn stopped() {
    const EVERY: Duration = Duration::from_millis(50);
    while flow().is_continue() {
        tokio::time::sleep(EVERY).await;
    }
}

/// Comes back a while after that.
async fn stopped_for(time: Duration) {
    stopped().await;
    tokio::time::sleep(time).await;
}

fn router(options: &Serve, service: Service) -> Router {
    let limit = Duration::from_secs(options.timeout.into());
    let guarded = Router::new()
        .route("/v1/score", post(score))
        .route("/v1/model", get(async |State(service): State<Service>| Json(model(&service))))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(options.max_body))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, limit))
        .layer(middleware::from_fn_with_state(service.clone(), authorised));
    let open = guarded.route("/health", get(async || "ok\n"));
    let whole = match &options.web {
        Some(web) => open.fallback_service(ServeDir::new(web)),
        None => open.fallback(async || refuse(StatusCode::NOT_FOUND, PATHS)),
    };
    whole
        .layer(middleware::from_fn(explained))
        .layer(middleware::from_fn_with_state(service.clone(), counted))
        .with_state(service)
}

fn model(service: &Service) -> Value {
    let scorer = &service.scorer;
    json!({
        "family": scorer.family().name(), "threshold": scorer.threshold(), "context": scorer.context(),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

async fn metrics(State(service): State<Service>) -> Response {
    match service.figures.text(service.batches.waiting()) {
        Ok(text) => ([(header::CONTENT_TYPE, figures::CONTENT_TYPE)], text).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `{"results": [...]}` with one entry per row of the request, in its order; a bad request, with the reason of the first,
/// if there is none that can be scored.
async fn score(State(service): State<Service>, request: Request) -> Response {
    let body = tokio::select! {
        body = Bytes::from_request(request, &()) => body,
        () = stopped_for(ARRIVING) => {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "the service ends and the body has not arrived");
        }
    };
    let body = match body {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let rows = read_mixed("request", &in_one_line(body));
    if rows.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "the body holds no row; send {\"problem\": …, \"steps\": […]}");
    }
    let scorer = &service.scorer;
    let inputs: Vec<_> = rows.iter().map(|row| scorer.input(row)).collect();
    let fitting = inputs.iter().filter_map(|input| input.clone().ok()).collect();
    let scores = match service.batches.score(fitting).await {
        Ok(scores) => scores,
        Err(Refusal::Full) => {
            let full = "the queue is full; try again later";
            return ([(header::RETRY_AFTER, "1")], refuse(StatusCode::TOO_MANY_REQUESTS, full)).into_response();
        }
        Err(Refusal::Failed(error)) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, &error),
    };
    let scored = scorer.put_together(&rows, inputs, scores);
    let results: Vec<_> = rows.iter().zip(&scored).map(|(row, scored)| ScoredRow::new(row, scored, scorer)).collect();
    let none = scored.iter().all(Result::is_err);
    let error = scored.first().and_then(|first| first.as_ref().err()).filter(|_| none);
    let status = if none { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    (status, Json(Answer { error, results })).into_response()
}

/// What a request for scores is answered.
#[derive(Serialize)]
struct Answer<'a> {
    /// Why there is no score at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a String>,
    results: Vec<ScoredRow<'a>>,
}

/// A body that is one object, however it is spread over lines, as a row of its own; any other as it is.
fn in_one_line(body: Bytes) -> Bytes {
    match serde_json::from_slice::<Value>(&body) {
        Ok(row @ Value::Object(_)) => row.to_string().into(),
        _ => body,
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Lets a request pass that carries the token, where there is one.
async fn authorised(State(service): State<Service>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| digest(token));
    // Digests are compared, so that the time it takes tells nothing of the token.
    match service.token.is_none() || token == service.token {
        true => next.run(request).await,
        false => {
            let refused = refuse(StatusCode::UNAUTHORIZED, "send the header `Authorization: Bearer TOKEN`");
            ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
        }
    }
}

/// Says in JSON what the server's own refusals leave to their status.
async fn explained(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let why = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => PATHS,
        StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than --max-body; send fewer rows at a time",
        StatusCode::GATEWAY_TIMEOUT => "no answer within --timeout; send fewer rows at a time, or later",
        _ => return response,
    };
    let allowed = response.headers().get(header::ALLOW).cloned();
    let mut refused = refuse(response.status(), why);
    refused.headers_mut().extend(allowed.map(|methods| (header::ALLOW, methods)));
    refused
}

/// Counts requests by path and answer, and takes their time.
async fn counted(State(service): State<Service>, request: Request, next: Next) -> Response {
    let path = match request.uri().path() {
        path @ ("/v1/score" | "/v1/model" | "/metrics" | "/health") => path.to_owned(),
        _ => "other".into(),
    };
    let began = Instant::now();
    let response = next.run(request).await;
    service.figures.answered(path, response.status().as_u16(), began.elapsed());
    response
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
