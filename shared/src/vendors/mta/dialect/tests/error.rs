use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    domain::{FieldError, FieldErrorCode as E, Rejection, RejectionReason, Timestamp},
    vendors::mta::dialect::error::Failure,
};

const AT: &str = "2026-11-29T09:00:00.5Z";

fn written(failure: &Failure) -> Value {
    serde_json::from_str(&failure.write(AT.parse().unwrap(), Uuid::from_u128(7))).unwrap()
}

#[test]
fn failure_has_the_fields_of_the_page() {
    let failure = Failure::invalid(vec![
        FieldError::new("message", E::Missing, "is required"),
        FieldError::new("subscribers", E::Duplicate, "is there twice").at(3),
    ]);
    let expected = json!({
        "httpCode": 400, "message": "message is required; subscribers[3] is there twice",
        "timestamp": "2026-11-29T09:00:00.500Z", "type": "bad_request_error", "name": "MTABadRequestError",
        "requestId": "00000000-0000-0000-0000-000000000007",
        "errors": [{"field": "message", "code": "missing", "message": "is required"},
            {"index": 3, "field": "subscribers", "code": "duplicate", "message": "is there twice"}]});
    assert_eq!(written(&failure), expected);
    assert_eq!(AT.parse::<Timestamp>().unwrap().as_second(), 1_795_942_800);
}

#[test]
fn each_failure_has_its_status_type_and_name() {
    let rejected = |reason| {
        let errors = vec![FieldError::new("longcodeId", E::NotOwned, "rule")];
        Failure::from(Rejection { reason, errors })
    };
    for (failure, status, kind, name) in [
        (Failure::invalid_query(), 400, "bad_request_error", "MTABadRequestError"),
        (Failure::unauthorized(), 401, "unauthorized_error", "MTAUnauthorizedError"),
        (rejected(RejectionReason::NotOwned), 403, "forbidden_error", "MTAForbiddenError"),
        (Failure::not_found(), 404, "not_found_error", "MTANotFoundError"),
        (rejected(RejectionReason::Conflict), 409, "conflict_error", "MTAConflictError"),
        (Failure::conflict("words"), 409, "conflict_error", "MTAConflictError"),
        (rejected(RejectionReason::Unacceptable), 400, "bad_request_error", "MTABadRequestError"),
        (Failure::too_large(7), 413, "payload_too_large_error", "MTAPayloadTooLargeError"),
        (Failure::content_encoding(), 415, "unsupported_media_type_error", "MTAUnsupportedMediaTypeError"),
        (Failure::internal(), 500, "internal_server_error", "MTAInternalServerError"),
        (Failure::not_implemented("words"), 501, "not_implemented_error", "MTANotImplementedError"),
        (Failure::unavailable(), 503, "service_unavailable_error", "MTAServiceUnavailableError"),
    ] {
        let written = written(&failure);
        assert_eq!(failure.status, StatusCode::from_u16(status).unwrap());
        assert_eq!(
            (&written["httpCode"], &written["type"], &written["name"]),
            (&json!(status), &json!(kind), &json!(name))
        );
        assert!(written["message"].as_str().is_some_and(|message| message.len() > 3), "{written}");
    }
}
