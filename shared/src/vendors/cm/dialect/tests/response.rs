//! Answers to requests that are rejected as a whole.

use http::StatusCode;

use super::super::{
    error::RequestError,
    response::{Reason, query_error, reject, xml_error},
};

#[test]
fn rejected_request_has_documented_code_and_text() {
    for (error, status, expected) in [
        (RequestError::Unknown, 500, r#"{"details":"Unknown Error","errorCode":999,"messages":[]}"#),
        (
            RequestError::NoAccount,
            400,
            r#"{"details":"No account found for the given authentication","errorCode":101,"messages":[]}"#,
        ),
        (
            RequestError::InvalidToken(None),
            400,
            r#"{"details":"Invalid product token.","errorCode":103,"messages":[]}"#,
        ),
        (RequestError::InvalidJson, 400, r#"{"details":"Invalid JSON","errorCode":202,"messages":[]}"#),
        (
            RequestError::NoMessages,
            400,
            r#"{"details":"A MESSAGES object requires at least one MSG object","errorCode":203,"messages":[]}"#,
        ),
        (
            RequestError::WrongType { object: "MSG", must_be: "an array" },
            400,
            r#"{"details":"MSG object is an invalid type, must be an array","errorCode":203,"messages":[]}"#,
        ),
    ] {
        assert_eq!(reject(&error), (StatusCode::from_u16(status).unwrap(), expected.to_owned()));
    }
}

#[test]
fn error_line_has_the_text_of_its_gateway() {
    let request = |error| (xml_error(&Reason::Request(&error)), query_error(&Reason::Request(&error)));
    let account = "Error: ERROR No account found for the given authentication".to_owned();
    assert_eq!(request(RequestError::NoAccount), (account.clone(), account));
    assert_eq!(request(RequestError::Unknown).0, "Error: ERROR Unknown error");
    let (xml, query) = request(RequestError::InvalidToken(Some("x y".to_owned())));
    assert_eq!(xml, "Error: ERROR Invalid product token.");
    assert_eq!(query, "Error: ERROR Parameter 'producttoken' contains an invalid value: 'x y'");
}
