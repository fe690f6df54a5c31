//! What serde says of something that it cannot read, without what stands there: its
//! errors quote the value that they did not expect, which may be anybody's number or
//! text, and errors are logged. `serde_dynamo` quotes only numbers, in its own way.

use crate::carriers::without_numbers;

/// The most characters that are said.
const LONGEST: usize = 200;

/// The words, with `…` for all from the first quotation to the end of the last, and
/// for what looks like a phone number. The name of a field that is missing is no
/// value, and stays.
pub(crate) fn unquoted(words: &str) -> String {
    const QUOTES: [char; 2] = ['`', '"'];
    if words.starts_with("missing field") {
        return words.to_owned();
    }
    let unquoted = match (words.find(QUOTES), words.rfind(QUOTES)) {
        (Some(first), Some(last)) => format!("{}…{}", &words[..first], &words[last + 1..]),
        _ => without_numbers(words),
    };
    unquoted.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    struct Read {
        #[serde(rename = "kind")]
        _kind: Kind,
        #[serde(rename = "count")]
        _count: u8,
    }

    #[test]
    fn an_error_tells_its_kind_and_no_value() {
        for (json, told) in [
            (r#"{"kind":"447911\"23456","count":1}"#, "unknown variant …"),
            (r#"{"kind":"447911`,\"23456`","count":1}"#, "unknown variant …"),
            (r#"{"kind":"one","count":"447911\"23456"}"#, "invalid type: string …, expected u8"),
            (r#"{"kind":"one","count":447911}"#, "invalid value: integer …, expected u8"),
            (r#"{"kind":"one"}"#, "missing field `count`"),
            (r#"{"kind":447911"#, "expected value"),
        ] {
            let words = serde_json::from_str::<Read>(json).unwrap_err().to_string();
            let unquoted = unquoted(&words);
            assert_eq!(unquoted.split(" at line 1").next(), Some(told), "{words}");
        }
        assert_eq!(unquoted("is \"open"), "is …open");
        assert_eq!(unquoted(&"x".repeat(1000)).len(), 200);
        let item = serde_dynamo::AttributeValue::N("44791123456.1".to_owned());
        let words = serde_dynamo::from_attribute_value::<_, u64>(item).unwrap_err().to_string();
        assert_eq!(unquoted(&words), "Failed to parse '…' as an integer: invalid digit found in string");
    }
}
