//! The byte-order mark before UTF-8, as some systems write it, mostly on Windows.

/// Returns the body without the mark. JSON has none (RFC 8259, section 8.1), but a reader may ignore it.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(body)
}
