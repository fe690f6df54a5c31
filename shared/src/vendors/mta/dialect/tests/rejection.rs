use FieldErrorCode as E;

use crate::{
    domain::{FieldError, FieldErrorCode, Rejection, RejectionReason, SegmentLimit},
    vendors::mta::dialect::{rejection::rename, request::read},
};

/// Returns each error's place, code and message, for the errors in three messages.
fn renamed(recipients: &str, field: &str, code: E, rule: &str) -> Vec<String> {
    let body = format!(r#"{{{recipients},"message":"a"}}"#);
    let request = read(body.as_bytes(), SegmentLimit::default(), None).ok().unwrap();
    let errors = (0..2).map(|index| FieldError::new(field, code, rule).at(index)).collect();
    let renamed = rename(Rejection { reason: RejectionReason::Unacceptable, errors }, &request, "X-Request-Id");
    assert_eq!(renamed.reason, RejectionReason::Unacceptable);
    let line = |error: FieldError| {
        let place = error.index.map(|index| format!("[{index}]")).unwrap_or_default();
        format!("{}{place} {:?} {}", error.field, error.code, error.message)
    };
    renamed.errors.into_iter().map(line).collect()
}

#[test]
fn each_error_of_a_later_step_has_the_name_of_its_field() {
    let numbers = r#""subscribers":["+447700900001","+447700900002"]"#;
    let longcode = format!(r#"{numbers},"longcodeId":7"#);
    let thread = r#""threadId":447700900001"#;
    for (recipients, field, code, expected) in [
        (
            longcode.as_str(),
            "from.value",
            E::NotOwned,
            &["longcodeId NotOwned is not the ID of a sender of this account"][..],
        ),
        (
            numbers,
            "from.value",
            E::NotOwned,
            &["longcodeId NotOwned is required: the account no longer owns its default sender"],
        ),
        (
            thread,
            "from.value",
            E::NotOwned,
            &["threadId NotOwned is a conversation over a sender that the account no longer owns"],
        ),
        (numbers, "send_at", E::TooLong, &["scheduledDate TooLong rule"]),
        (numbers, "Idempotency-Key", E::Conflict, &["X-Request-Id Conflict rule"]),
        (
            numbers,
            "from",
            E::PoolExhausted,
            &[
                "subscribers[0] PoolExhausted cannot be reached from a shared sender: rule",
                "subscribers[1] PoolExhausted cannot be reached from a shared sender: rule",
            ],
        ),
        (thread, "from", E::PoolExhausted, &["threadId PoolExhausted cannot be reached from a shared sender: rule"]),
    ] {
        assert_eq!(renamed(recipients, field, code, "rule"), expected, "{recipients}");
    }
}
