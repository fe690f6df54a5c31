//! Queries of URLs, decoded strictly (`application/x-www-form-urlencoded` of the WHATWG's URL Standard, but for its
//! repairs).
//!
//! We refuse bytes that are not UTF-8, and a `%` that begins no escape, instead of decoding them to U+FFFD or to
//! themselves. Such a value comes from a client that writes Latin-1 or JavaScript's `escape`, or that does not
//! escape at all, and the phone would show another text than the client meant.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A parameter of a query.
pub struct Parameter<'a> {
    /// The decoded name, or the name as written if it cannot be decoded. No known name has a `%`.
    pub name: Cow<'a, str>,
    pub value: Result<Cow<'a, str>, QueryError>,
}

/// Why a value cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("has a '%' without two hexadecimal digits behind it; write '%' as %25")]
    Escape,
    #[error("is not UTF-8")]
    NotUtf8,
}

/// Splits a raw query, without its `?`, into its parameters.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Parameter { name: decode(name).unwrap_or(Cow::Borrowed(name)), value: decode(value) }
    })
}

fn decode(written: &str) -> Result<Cow<'_, str>, QueryError> {
    if !written.contains('+') {
        return decode_escapes(written);
    }
    decode_escapes(&written.replace('+', " ")).map(|decoded| Cow::Owned(decoded.into_owned()))
}

/// Decodes percent escapes alone, as in a path.
pub(crate) fn decode_escapes(written: &str) -> Result<Cow<'_, str>, QueryError> {
    let is_escape = |behind: &str| behind.len() >= 2 && behind.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if !written.split('%').skip(1).all(is_escape) {
        return Err(QueryError::Escape);
    }
    percent_decode_str(written).decode_utf8().map_err(|_| QueryError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> Vec<(String, Result<String, QueryError>)> {
        parameters(query).map(|one| (one.name.into_owned(), one.value.map(Cow::into_owned))).collect()
    }

    #[test]
    fn escapes_and_plus_signs_are_decoded() {
        for (query, name, value) in [
            ("a=b", "a", "b"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("&a=b=c&", "a", "b=c"),
            ("A%20b=1+2%2B3%26", "A b", "1 2+3&"),
            ("a=caf%C3%A9%F0%9F%98%80", "a", "café😀"),
            ("a=café", "a", "café"),
            ("a=%25zz", "a", "%zz"),
            ("a=%00", "a", "\0"),
        ] {
            assert_eq!(read(query), [(name.to_owned(), Ok(value.to_owned()))], "{query}");
        }
        assert!(read("").is_empty() && read("&&").is_empty());
        assert_eq!(read("a=1&a=2").len(), 2);
    }

    #[test]
    fn undecodable_value_is_an_error() {
        use QueryError as E;
        for (value, error) in [
            ("caf%E9", E::NotUtf8),
            ("%80", E::NotUtf8),
            ("%C0%AF", E::NotUtf8),
            ("%ED%A0%BD%ED%B8%80", E::NotUtf8),
            ("%F4%90%80%80", E::NotUtf8),
            ("%C3+%A9", E::NotUtf8),
            ("%", E::Escape),
            ("%4", E::Escape),
            ("%zz", E::Escape),
            ("%u00E9", E::Escape),
            ("%%20", E::Escape),
            ("%4é", E::Escape),
            ("%E9%", E::Escape),
        ] {
            assert_eq!(read(&format!("a={value}")), [("a".to_owned(), Err(error))], "{value}");
        }
        assert_eq!(read("%E9=1"), [("%E9".to_owned(), Ok("1".to_owned()))]);
    }

    proptest! {
        #[test]
        fn valid_queries_decode_as_the_standard_says(query in "[a-z0-9+&=]{0,20}|(%[0-7][0-9A-F]|[a-z+&=]){0,20}") {
            let standard = url::form_urlencoded::parse(query.as_bytes());
            let standard: Vec<_> = standard.map(|(name, value)| (name.into_owned(), Ok(value.into_owned()))).collect();
            prop_assert_eq!(read(&query), standard);
        }

        #[test]
        fn arbitrary_query_does_not_panic(query in "[%&=+a-fA-F0-9é]{0,30}|\\PC{0,30}") {
            read(&query);
        }
    }
}
