//! The HTTP API: the template's routes lead to the functions; `/handsets`,
//! `/carrier/receipts`, `/sinks`, `/meter` and AWS calls go on to the emulator; `/clock` is answered by
//! [`Time`] and starts what is due.

use std::{collections::HashMap, sync::Arc};

use anyhow::anyhow;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, any, get, on, post},
};
use lambda_http::{RequestExt, request::RequestContext};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use url::Url;

use super::{functions::Functions, time::Time};
use crate::template::{Event, Function};

/// What Lambda takes and gives at most, less what its envelope adds.
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
    let mut router = Router::new()
        .route("/handsets/{*rest}", proxied())
        .route("/carrier/receipts", proxied())
        .route("/sinks/{*rest}", proxied())
        .route("/meter", proxied())
        .route("/clock", get(now).with_state(Arc::clone(time)));
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
                .map_err(|_| anyhow!("{method} is no method of a route"))?;
            let (functions, time, binary) = (Arc::clone(functions), Arc::clone(time), function.binary.clone());
            let handler =
                move |request: Request| call(Arc::clone(&functions), Arc::clone(&time), binary.clone(), request);
            router = router.route(path, on(filter, handler));
        }
    }
    Ok(router
        .fallback_service(any(aws_or_not_found).with_state(proxy))
        .method_not_allowed_fallback(async || not_found()))
}

pub(super) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await;
    if let Err(error) = served {
        warn!(%error, "the gateway no longer answers");
    }
}

/// A request as Lambda would bring it.
async fn call(functions: Arc<Functions>, time: Arc<Time>, binary: String, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    let mut parameters: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let request = lambda_http::Request::from_parts(parts, lambda_http::Body::from(body.to_vec()))
        .with_raw_http_path(path)
        .with_query_string_parameters(parameters)
        .with_request_context(RequestContext::ApiGatewayV2(
            lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext::default(),
        ));
    let _in_flight = time.in_flight().await;
    let response = functions.request(&binary, request).await;
    let (parts, body) = response.into_parts();
    if body.len() > LARGEST_BODY {
        warn!(function = binary, bytes = body.len(), "an answer is larger than Lambda would give");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    Response::from_parts(parts, Body::from(body.to_vec()))
}

async fn advance(State(time): State<Arc<Time>>, body: axum::body::Bytes) -> Response {
    time.advance(body).await.unwrap_or_else(|error| {
        warn!(error = format!("{error:#}"), "the clock was not moved");
        StatusCode::BAD_GATEWAY.into_response()
    })
}

/// Functions in processes of their own have the machine's clock.
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

/// As API Gateway answers where there is no route.
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
            (StatusCode::BAD_GATEWAY, axum::Json(json!({"message": "the emulator does not answer"}))).into_response()
        }
    }
}

/// Without what belongs to one connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}
