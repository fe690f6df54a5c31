//! Opt-outs, validations, senders and keys: requests as we read them, and the answers.

use serde_json::{Value, json};

use super::{all_named, json, named};
use crate::{
    domain::{CallingCode, FieldErrorCode as Code},
    vendors::mta::dialect::account::{
        dedicated_numbers, read_unsubscribe, read_validation, subscription, unsubscribed, verified,
    },
};

fn us() -> Option<CallingCode> {
    "1".parse().ok()
}

#[test]
fn number_to_unsubscribe_is_read() {
    for (body, country, digits) in [
        (json!({"number": "+12025550123"}), None, "12025550123"),
        (json!({"number": 12_025_550_123_u64, "name": "Ann"}), None, "12025550123"),
        (json!({"number": "2025550123"}), us(), "12025550123"),
    ] {
        let number = read_unsubscribe(body.to_string().as_bytes(), country).unwrap();
        assert_eq!(number.digits(), digits, "{body}");
    }
    for (body, name, code) in [
        ("", "(body)", Code::Malformed),
        ("[]", "(body)", Code::WrongType),
        ("{}", "number", Code::Missing),
        (r#"{"number":null}"#, "number", Code::Missing),
        (r#"{"number":""}"#, "number", Code::Empty),
        (r#"{"number":["+12025550123"]}"#, "number", Code::WrongType),
        (r#"{"number":"2025550123"}"#, "number", Code::Malformed),
        (r#"{"number":"ann@example.com"}"#, "number", Code::UnknownValue),
        (&json!({"number": "1".repeat(256)}).to_string(), "number", Code::TooLong),
    ] {
        let error = read_unsubscribe(body.as_bytes(), None).unwrap_err();
        assert_eq!(named(&error), (name.to_owned(), code), "{body}");
    }
}

#[test]
fn answers_have_data() {
    let answer = json!({"success": true, "message": "The number was unsubscribed.", "data": null});
    assert_eq!(json(&unsubscribed()), answer);
    for (is_out, message) in [(true, "The number is unsubscribed."), (false, "The number is not unsubscribed.")] {
        let answer = json!({"success": true, "message": message, "data": {"unsubscribed": is_out}});
        assert_eq!(json(&subscription(is_out)), answer);
    }
    let answer = json!({"success": true, "message": "The API key was verified.", "data": {"name": "Demo \"1\""}});
    assert_eq!(json(&verified("Demo \"1\"")), answer);
    let senders = ["12345", "441234567890", "CM.com"].map(|sender| sender.parse().unwrap());
    let answer = json(&dedicated_numbers(&senders));
    let named = senders[2].number();
    assert_eq!(
        answer["data"],
        json!([{"id": 12345, "number": "12345"}, {"id": 441_234_567_890_u64, "number": "+441234567890"},
            {"id": named, "number": "CM.com"}])
    );
}

#[test]
fn recipients_are_valid_invalid_or_unsubscribed() {
    let body = json!({"recipients": [
        {"number": "2025550123", "externalId": "a"},
        {"number": 2_025_550_124_u64},
        {"number": "+447700900001", "externalId": "c"},
        {"number": "447700900001", "externalId": "d"},
        {"number": "x".repeat(50)},
        {"number": "", "externalId": null},
        {"number": "ann@example.com"},
        {"number": 7},
        {"number": "+447700900001"},
    ], "validateUnsubscribes": true});
    let validation = read_validation(body.to_string().as_bytes(), us()).unwrap();
    assert!(validation.wants_unsubscribed);
    let mut numbers: Vec<_> = validation.numbers().iter().map(|number| number.digits().to_owned()).collect();
    numbers.sort();
    assert_eq!(numbers, ["12025550123", "12025550124", "447700900001"]);
    let out = ["12025550124", "447700900001"].map(|number| number.parse().unwrap()).into();
    let answer = json(&validation.answer(&out));
    let foreign = "is neither an international number with a '+' nor a number of the account's country, +1";
    let email = "is an e-mail address; the gateway has no contact base, and sends to phone numbers only";
    let expected = json!({
        "invalid": [
            {"number": "447700900001", "externalId": "d", "reason": foreign},
            {"number": "x".repeat(40), "externalId": null, "reason": foreign},
            {"number": "", "externalId": null, "reason": "is empty"},
            {"number": "ann@example.com", "externalId": null, "reason": email},
            {"number": "7", "externalId": null, "reason": foreign},
        ],
        "unsubscribed": [
            {"number": "2025550124", "externalId": null},
            {"number": "+447700900001", "externalId": "c"},
            {"number": "+447700900001", "externalId": null},
        ],
    });
    assert_eq!(answer, json!({"success": true, "message": "The recipients were validated.", "data": expected}));
}

#[test]
fn each_error_of_a_validation_is_named() {
    let of = |recipient: Value| json!({"recipients": [{"number": "+12025550123"}, recipient]});
    for (body, name, code) in [
        (json!([]), "(body)", Code::WrongType),
        (json!({}), "recipients", Code::Missing),
        (json!({"recipients": null}), "recipients", Code::Missing),
        (json!({"recipients": []}), "recipients", Code::Empty),
        (json!({"recipients": "+12025550123"}), "recipients", Code::WrongType),
        (json!({"recipients": vec![json!({"number": "+12025550123"}); 1001]}), "recipients", Code::TooMany),
        (of(json!("+12025550123")), "recipients[1]", Code::WrongType),
        (of(json!({})), "recipients[1].number", Code::Missing),
        (of(json!({"number": true})), "recipients[1].number", Code::WrongType),
        (of(json!({"number": "+12025550123", "externalId": 7})), "recipients[1].externalId", Code::WrongType),
        (
            of(json!({"number": "+12025550123", "externalId": "x".repeat(401)})),
            "recipients[1].externalId",
            Code::TooLong,
        ),
        (
            json!({"recipients": [{"number": "+12025550123"}], "validateUnsubscribes": "true"}),
            "validateUnsubscribes",
            Code::WrongType,
        ),
    ] {
        let errors = read_validation(body.to_string().as_bytes(), None).err().unwrap_or_default();
        assert_eq!(all_named(&errors), [(name.to_owned(), code)], "{body}");
    }
    let most = json!({"recipients": vec![json!({"number": "+12025550123"}); 1000]}).to_string();
    assert!(!read_validation(most.as_bytes(), None).ok().unwrap().wants_unsubscribed);
}
