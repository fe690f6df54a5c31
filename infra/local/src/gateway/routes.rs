//! The HTTP API. The template's routes invoke the functions. `/handsets`, `/carriers`, the simulated vendors'
//! paths, `/sinks`, `/meter`, `/transit` and AWS calls are proxied to the emulator. [`Time`] serves `/clock`, and runs
//! the schedules after it moved the clock. `/` lists all paths.

use std::sync::Arc;

use anyhow::anyhow;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, any, get, on, post},
};
use serde_json::json;
use shared::domain::Vendor;
use strum::IntoEnumIterator;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use url::Url;

use super::{functions::Functions, raw_target, time::Time};
use crate::{
    browser_guard,
    lambda::http_event::HttpRequest,
    paths::{self, Api},
    template::{Event, Function},
};

/// The largest body of a request or response, in bytes: Lambda's payload limit of 6 MB less room for the
/// event around the body.
const LARGEST_BODY: usize = 5_500_000;

pub(super) fn router(
    described: &[Function],
    functions: &Arc<Functions>,
    time: &Arc<Time>,
    emulator: Url,
    client: reqwest::Client,
) -> anyhow::Result<Router> {
    let proxy = Arc::new(EmulatorProxy { emulator, client });
    let proxied = || any(proxy_to_emulator).with_state(Arc::clone(&proxy));
    let list = paths::of_gateway(&functions.watched_endpoint().map_or(Api::Here(described), Api::Watched));
    let list = get(async move || paths::answer(list)).fallback(aws_or_not_found).with_state(Arc::clone(&proxy));
    let mut router = Router::new()
        .route("/", list)
        .route("/handsets", proxied())
        .route("/sinks", proxied())
        .route("/handsets/{*rest}", proxied())
        .route("/carriers", proxied())
        .route("/carriers/{*rest}", proxied())
        .route("/sinks/{*rest}", proxied())
        .route("/meter", proxied())
        .route("/transit", proxied())
        .route("/clock", get(now).with_state(Arc::clone(time)));
    for vendor in Vendor::iter() {
        router = router.route(&format!("/{vendor}/{{*rest}}"), proxied());
    }
    let clock = if functions.follow_emulator_clock() {
        post(advance).with_state(Arc::clone(time))
    } else {
        post(clock_conflict)
    };
    router = router.route("/clock", clock);
    for function in described.iter().filter(|_| functions.serve_http()) {
        for event in &function.events {
            let Event::Http { method, path } = event else { continue };
            let filter = MethodFilter::try_from(Method::from_bytes(method.as_bytes())?)
                .map_err(|_| anyhow!("route {path} has an invalid method {method}"))?;
            let (functions, time, binary) = (Arc::clone(functions), Arc::clone(time), function.binary.clone());
            let handler =
                move |request: Request| call(Arc::clone(&functions), Arc::clone(&time), binary.clone(), request);
            router = router.route(path, on(filter, handler));
        }
    }
    let router = router
        .fallback_service(any(aws_or_not_found).with_state(proxy))
        .method_not_allowed_fallback(async || not_found());
    Ok(browser_guard::guard(router))
}

pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let served =
        axum::serve(raw_target::AnyTarget(listener), router).with_graceful_shutdown(stopping.cancelled_owned()).await;
    if let Err(error) = served {
        warn!(%error, "HTTP server ended");
    }
}

/// Invokes a function with a request as API Gateway passes it on.
async fn call(functions: Arc<Functions>, time: Arc<Time>, binary: String, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let (path, query) = raw_target::take(&mut parts.headers, &parts.uri);
    let request = HttpRequest { method: parts.method, path, query, headers: parts.headers, body };
    let _in_flight = time.in_flight().await;
    let response = functions.request(&binary, request).await;
    let (parts, body) = response.into_parts();
    if body.len() > LARGEST_BODY {
        warn!(function = binary, bytes = body.len(), "response exceeds Lambda's limit");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    Response::from_parts(parts, Body::from(body.to_vec()))
}

async fn advance(State(time): State<Arc<Time>>, body: axum::body::Bytes) -> Response {
    time.advance(body).await.unwrap_or_else(|error| {
        warn!(error = format!("{error:#}"), "could not move the clock");
        StatusCode::BAD_GATEWAY.into_response()
    })
}

/// Refuses to move the clock, because functions in separate processes follow the machine's clock.
async fn clock_conflict() -> Response {
    let words = "the clock cannot be moved while the functions run in processes of their own";
    (StatusCode::CONFLICT, axum::Json(json!({"message": words}))).into_response()
}

async fn now(State(time): State<Arc<Time>>) -> Response {
    time.show().await.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

struct EmulatorProxy {
    emulator: Url,
    client: reqwest::Client,
}

async fn aws_or_not_found(State(to): State<Arc<EmulatorProxy>>, request: Request) -> Response {
    if request.headers().contains_key("x-amz-target") {
        proxy_to_emulator(State(to), request).await
    } else {
        not_found()
    }
}

/// Answers an unknown route as API Gateway does.
fn not_found() -> Response {
    (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found"}))).into_response()
}

async fn proxy_to_emulator(State(to): State<Arc<EmulatorProxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let mut url = to.emulator.clone();
    url.set_path(parts.uri.path());
    url.set_query(parts.uri.query());
    let sent = to.client.request(parts.method, url).headers(end_to_end(&parts.headers)).body(body).send().await;
    match sent {
        Ok(answer) => {
            let (status, headers) = (answer.status(), end_to_end(answer.headers()));
            match answer.bytes().await {
                Ok(body) => (status, headers, body).into_response(),
                Err(_) => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
        Err(_) => {
            (StatusCode::BAD_GATEWAY, axum::Json(json!({"message": "the emulator does not respond"}))).into_response()
        }
    }
}

/// Removes the headers that hold for one connection only. The next hop sets its own.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}
