//! `GET /gateway.ashx`: parameters, and the message or the error that they become.

use proptest::prelude::*;

use super::{
    super::query::{Query, message_error_text},
    context, line,
};

/// Parameters, and the draft in a line or the error's text.
type Row<'a> = (&'a [(&'a str, &'a str)], Result<&'a str, &'a str>);

/// Returns the draft in a line, or the error's text.
fn read(parameters: &[(&str, &str)]) -> Result<String, String> {
    let parsed = Query::of(parameters.iter().copied()).read(&context());
    match parsed.draft {
        Ok(draft) => Ok(line(&draft)),
        Err(error) => Err(message_error_text(&error).unwrap_or("other".to_owned())),
    }
}

#[test]
fn each_query_is_read() {
    let (from, to, body) = (("from", "SenderName"), ("TO", "00447911123456"), ("Body", "Hi"));
    let (fits, exceeds) = ("x".repeat(160), "x".repeat(161));
    let rows: [Row<'_>; 11] = [
        (&[from, to, body], Ok(r#"0 447911123456 SenderName "Hi" Gsm7 []"#)),
        (&[from, to, body, ("reference", "r"), ("unknown", "x")], Ok(r#"0 447911123456 SenderName "Hi" Gsm7 [] r"#)),
        (&[from, to, body, ("body", "No"), ("to", "1a")], Ok(r#"0 447911123456 SenderName "Hi" Gsm7 []"#)),
        (&[from, to, ("body", "Ж")], Ok(r#"0 447911123456 SenderName "Ж" Ucs2 []"#)),
        (&[to, body], Err("No sender name provided")),
        (&[from, body], Err("Parameter 'to' contains an invalid value: ''")),
        (&[from, ("to", "1a"), body], Err("Parameter 'to' contains an invalid value: '1a'")),
        (&[from, to], Err("Parameter 'body' is required")),
        (&[from, to, ("body", "")], Err("Parameter 'body' is required")),
        (&[from, to, body, ("reference", "123456789012345678901234567890123")], Err("other")),
        (&[from, to, ("body", &exceeds)], Err("other")),
    ];
    for (parameters, expected) in rows {
        assert_eq!(read(parameters), expected.map(str::to_owned).map_err(str::to_owned), "{parameters:?}");
    }
    assert!(read(&[from, to, ("body", &fits)]).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_parameters_do_not_panic(values in prop::collection::vec("\\PC{0,40}", 4)) {
        let names = ["from", "to", "body", "reference"].into_iter();
        let _ = read(&names.zip(values.iter().map(String::as_str)).collect::<Vec<_>>());
    }
}
