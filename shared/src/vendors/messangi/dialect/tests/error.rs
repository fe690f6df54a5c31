use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    domain::{FieldError, FieldErrorCode as E, Rejection, RejectionReason, Timestamp},
    vendors::messangi::dialect::{error::Failure, response::Meta},
};

fn answer(failure: &Failure) -> (u16, Value) {
    let meta = Meta::new(Timestamp::from_millisecond(7).unwrap(), Uuid::nil());
    let mut answer: Value = serde_json::from_str(&failure.write(meta)).unwrap();
    assert_eq!(answer["meta"].take(), json!({"timestamp": 7, "transactionId": Uuid::nil()}));
    assert_eq!(answer["error"], answer["errors"][0]);
    (failure.status.as_u16(), answer["errors"].take())
}

#[test]
fn each_field_error_has_its_code() {
    for (field, code, expected) in [
        ("from", E::Missing, "MISSING"),
        ("text", E::TooLong, "SEGMENTS_EXCEEDED"),
        ("to[3].params", E::TooLong, "SEGMENTS_EXCEEDED"),
        ("externalId", E::TooLong, "TOO_LONG"),
        ("to", E::Malformed, "INVALID_ROUTING"),
        ("to[3].to", E::Malformed, "INVALID_ROUTING"),
        ("to", E::WrongType, "WRONG_TYPE"),
        ("text", E::Malformed, "MALFORMED"),
        ("connection", E::NoRoute, "INVALID_ROUTING"),
        ("type", E::UnknownValue, "UNKNOWN_VALUE"),
        ("callbacks", E::TooMany, "TOO_MANY"),
    ] {
        let message = if expected == "SEGMENTS_EXCEEDED" { "Text exceeds the limit of allowed segments" } else { "x" };
        let failure = Failure::invalid(vec![FieldError::new(field, code, "x")]);
        let expected = json!([{"code": expected, "message": message, "field": field}]);
        assert_eq!(answer(&failure), (400, expected));
    }
}

#[test]
fn each_rejection_has_its_status_and_names_each_field_once() {
    let rejection = |reason, field: &str, code, indexes: &[usize]| Rejection {
        reason,
        errors: indexes.iter().map(|index| FieldError::new(field, code, "x").at(*index)).collect(),
    };
    let fields = |rejection: &Rejection, messages| {
        let (status, errors) = answer(&Failure::rejected(rejection, messages));
        let named = errors
            .as_array()
            .unwrap()
            .iter()
            .map(|error| format!("{} {}", error["code"].as_str().unwrap(), error["field"].as_str().unwrap()));
        (status, named.collect::<Vec<_>>().join(", "))
    };
    for (rejection, status, expected) in [
        (rejection(RejectionReason::NotOwned, "from.value", E::NotOwned, &[0, 1, 2]), 403, "CODE_NOT_ALLOWED from"),
        (
            rejection(RejectionReason::Conflict, "Idempotency-Key", E::Conflict, &[1, 2]),
            409,
            "CONFLICT Idempotency-Key",
        ),
        (rejection(RejectionReason::Unacceptable, "route", E::NoRoute, &[0, 1, 2]), 400, "INVALID_ROUTING connection"),
        (
            rejection(RejectionReason::Unacceptable, "route", E::NoRoute, &[0, 2]),
            400,
            "INVALID_ROUTING to[0].to, INVALID_ROUTING to[2].to",
        ),
        (rejection(RejectionReason::Unacceptable, "send_at", E::TooLong, &[0]), 422, "TOO_LONG send_at"),
    ] {
        assert_eq!(fields(&rejection, 3), (status, expected.to_owned()));
    }
}

#[test]
fn error_without_a_field_has_none() {
    for (failure, status, code) in [
        (Failure::unauthorized(), StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        (Failure::not_found(), StatusCode::NOT_FOUND, "NOT_FOUND"),
        (Failure::too_large(7), StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE"),
        (Failure::content_encoding(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "CONTENT_ENCODING"),
        (Failure::internal(), StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        (Failure::unavailable(), StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    ] {
        let (answered, errors) = answer(&failure);
        assert_eq!((answered, &errors[0]["code"]), (status.as_u16(), &code.into()));
        assert!(errors[0].get("field").is_none(), "{errors}");
    }
}
