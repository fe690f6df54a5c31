//! Passes an HTTP call to an embedded AWS service.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use winterbaume_core::{MockRequest, MockService, auth::extract_region_from_headers};

use super::upstream::Answer;

/// The region of calls whose signature names none.
const REGION: &str = "us-east-1";

pub(super) async fn answer(service: &impl MockService, headers: HeaderMap, body: Bytes) -> Answer {
    let region = extract_region_from_headers(&headers).unwrap_or_else(|| REGION.into());
    let request = MockRequest {
        method: "POST".into(),
        // The engine reads its ARNs' region from the host.
        uri: format!("https://{}.{region}.amazonaws.com/", service.service_name()),
        headers,
        body,
    };
    let answer = service.handle(request).await;
    Answer {
        status: StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: answer.headers,
        body: answer.body,
    }
}
