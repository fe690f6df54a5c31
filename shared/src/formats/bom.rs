//! The byte-order mark that some systems, mostly on Windows, write before UTF-8.

/// Returns the body without the mark. JSON has none (RFC 8259, section 8.1), but a reader may ignore it.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(body)
}
