//! `GET /gateway.ashx`: a query, and its message or error.

use proptest::prelude::*;

use super::{
    super::{
        error::RequestError,
        query::{Query, message_error_text},
    },
    context, line,
};

/// Parameters, and the draft in a line or the error's text.
type Row<'a> = (&'a [(&'a str, &'a str)], Result<&'a str, &'a str>);

/// Returns the draft in a line, or the error's text.
fn read(parameters: &[(&str, &str)]) -> Result<String, String> {
    read_raw(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
}

fn read_raw(query: &str) -> Result<String, String> {
    let parsed = Query::parse(query).read(&context());
    match parsed.draft {
        Ok(draft) => Ok(line(&draft)),
        Err(error) => Err(message_error_text(&error).unwrap_or("other".to_owned())),
    }
}

#[test]
fn each_query_is_read() {
    let (from, to, body) = (("from", "SenderName"), ("TO", "00447911123456"), ("Body", "Hi"));
    let (fits, exceeds) = ("x".repeat(160), "x".repeat(161));
    let rows: [Row<'_>; 13] = [
        (&[from, to, body], Ok(r#"0 447911123456 SenderName "Hi" Gsm7 []"#)),
        (&[from, to, body, ("reference", "r"), ("unknown", "x")], Ok(r#"0 447911123456 SenderName "Hi" Gsm7 [] r"#)),
        (&[from, to, body, ("reference", "")], Ok(r#"0 447911123456 SenderName "Hi" Gsm7 []"#)),
        (&[("from", " 441234567890 "), to, body], Ok(r#"0 447911123456 441234567890 "Hi" Gsm7 []"#)),
        (&[from, to, body, ("body", "Hi")], Err("Parameter 'body' is there more than once")),
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

#[test]
fn unescaped_plus_is_part_of_a_number() {
    let expected = Ok(r#"0 447911123456 441234567890 "1 2" Gsm7 []"#.to_owned());
    for query in [
        "from=+441234567890&to=+447911123456&body=1+2",
        "from=%2B441234567890&to=%2B447911123456&body=1%202",
        "from=%20%2B441234567890&to=447911123456+&body=1+2",
    ] {
        assert_eq!(read_raw(query), expected, "{query}");
    }
}

#[test]
fn undecodable_parameter_is_refused_by_name() {
    for value in ["caf%E9", "%80", "%C0%AF", "%ED%A0%BD%ED%B8%80"] {
        for name in ["from", "to", "body", "reference"] {
            let query = format!("from=SenderName&to=447911123456&body=Hi&{name}={value}");
            let once = query.replacen(&format!("{name}="), "x=", usize::from(name != "reference"));
            assert_eq!(read_raw(&once), Err(format!("Parameter '{name}' is not UTF-8")), "{once}");
        }
    }
    let escape = "Parameter 'body' has a '%' without two hexadecimal digits behind it; write '%' as %25";
    for body in ["50%", "%4", "%zz", "caf%u00E9"] {
        assert_eq!(read_raw(&format!("from=a&to=447911123456&body={body}")), Err(escape.to_owned()), "{body}");
    }
    assert_eq!(
        read_raw("from=a&to=447911123456&body=50%25&x=%E9&%E9=x"),
        Ok(r#"0 447911123456 a "50%" Gsm7 []"#.to_owned())
    );
}

#[test]
fn token_is_read_unless_ambiguous() {
    let token = |query: &str| Query::parse(query).token().map(|token| token.map(str::to_owned));
    assert_eq!(token("ProductToken=a%2Db"), Ok(Some("a-b".to_owned())));
    assert_eq!((token(""), token("producttoken=")), (Ok(None), Ok(None)));
    for query in ["producttoken=%E9", "producttoken=a&PRODUCTTOKEN=a"] {
        assert_eq!(token(query), Err(RequestError::InvalidToken(None)), "{query}");
    }
}

proptest! {
    #[test]
    fn arbitrary_parameters_do_not_panic(values in prop::collection::vec("\\PC{0,40}", 4)) {
        let names = ["from", "to", "body", "reference"].into_iter();
        let _ = read(&names.zip(values.iter().map(String::as_str)).collect::<Vec<_>>());
    }
}
