//! Parses XML from untrusted senders, as a stream of events.
//!
//! We reject a document type, so only XML's five predefined entities exist. We also reject excessive nesting,
//! a second root, and text outside the root. Names match in any case. If an element has children, we drop the
//! text around them, because text with gaps may mislead.

use std::mem;

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

use crate::domain::ParseError;

/// A receiver for the elements of a document.
pub(crate) trait Elements {
    type Error: From<XmlError>;

    /// Handles a start tag. `path` ends with the new element; its names are in upper case.
    ///
    /// # Errors
    /// If the receiver rejects the document. Then parsing stops.
    fn open(&mut self, path: &[&str], tag: Tag<'_>) -> Result<(), Self::Error>;

    /// Handles an end tag. `text` is untrimmed, and empty if the element has children.
    fn close(&mut self, path: &[&str], text: String);

    /// Handles a closed element's source, from its start tag to its end tag.
    fn source(&mut self, _path: &[&str], _source: &str) {}
}

#[derive(Clone, Copy)]
pub(crate) struct Tag<'a>(&'a BytesStart<'a>);

impl Tag<'_> {
    /// Returns the first attribute of that name, without resolving its entities.
    ///
    /// # Errors
    /// If an attribute before it is malformed.
    pub(crate) fn attribute(self, name: &str) -> Result<Option<String>, XmlError> {
        // Unchecked, because a search for repeated names takes quadratic time.
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| XmlError::NotXml)?;
            if attribute.key.as_ref().eq_ignore_ascii_case(name) {
                return Ok(Some(attribute.value.into_owned()));
            }
        }
        Ok(None)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is not XML")]
    NotXml,
    #[error("has a document type")]
    DocumentType,
    #[error("uses a custom entity")]
    OwnEntity,
    #[error("is nested too deeply")]
    TooDeep,
    #[error("has more than one root element")]
    SecondRoot,
    #[error("has text outside the root element")]
    TextOutside,
    #[error("ends too early")]
    BreaksOff,
}

impl From<XmlError> for ParseError {
    fn from(error: XmlError) -> Self {
        Self::new("(body)", error)
    }
}

/// Parses a document with at most `deepest` nested elements.
///
/// # Errors
/// If the document is rejected. `elements` may have received a part of it.
pub(crate) fn read<E: Elements>(body: &[u8], deepest: usize, elements: &mut E) -> Result<(), E::Error> {
    let text = std::str::from_utf8(body).map_err(|_| XmlError::NotUtf8)?;
    let document = text.trim_start_matches('\u{FEFF}');
    let mut reader = Reader::from_str(document);
    let mut reading = Reading {
        elements,
        document,
        deepest,
        path: Vec::new(),
        starts: Vec::new(),
        text: String::new(),
        is_leaf: false,
        rooted: false,
    };
    loop {
        let start = position(&reader);
        match reader.read_event().map_err(|_| XmlError::NotXml)? {
            Event::Start(tag) => reading.open(&tag, start)?,
            Event::Empty(tag) => {
                reading.open(&tag, start)?;
                reading.close(position(&reader));
            }
            Event::End(_) => reading.close(position(&reader)),
            Event::Text(text) => reading.take(&text.xml10_content())?,
            Event::CData(text) => reading.take(&text.xml10_content())?,
            Event::GeneralRef(reference) => reading.take(&resolve(&reference)?)?,
            Event::DocType(_) => return Err(XmlError::DocumentType.into()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return Ok(reading.finish()?),
        }
    }
}

/// Returns how many bytes were read.
fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

struct Reading<'a, E> {
    elements: &'a mut E,
    document: &'a str,
    deepest: usize,
    /// Open elements, in upper case.
    path: Vec<String>,
    /// Where the open elements start in the document.
    starts: Vec<usize>,
    /// The innermost element's text so far.
    text: String,
    is_leaf: bool,
    rooted: bool,
}

impl<E: Elements> Reading<'_, E> {
    fn open(&mut self, tag: &BytesStart<'_>, start: usize) -> Result<(), E::Error> {
        if self.path.len() >= self.deepest {
            return Err(XmlError::TooDeep.into());
        }
        if self.path.is_empty() && self.rooted {
            return Err(XmlError::SecondRoot.into());
        }
        self.rooted = true;
        // Drops the parent's text before this element. `close` drops the rest.
        self.text.clear();
        self.is_leaf = true;
        self.path.push(tag.name().as_ref().to_ascii_uppercase());
        self.starts.push(start);
        let path: Vec<_> = self.path.iter().map(String::as_str).collect();
        self.elements.open(&path, Tag(tag))
    }

    fn take(&mut self, text: &str) -> Result<(), XmlError> {
        if self.path.is_empty() && !text.trim().is_empty() {
            return Err(XmlError::TextOutside);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Closes the innermost element. The reader has checked that the tags match.
    fn close(&mut self, end: usize) {
        let text = mem::take(&mut self.text);
        let text = if mem::take(&mut self.is_leaf) { text } else { String::new() };
        let path: Vec<_> = self.path.iter().map(String::as_str).collect();
        self.elements.close(&path, text);
        let source = self.starts.pop().and_then(|start| self.document.get(start..end));
        self.elements.source(&path, source.unwrap_or_default());
        self.path.pop();
    }

    fn finish(self) -> Result<(), XmlError> {
        if self.rooted && self.path.is_empty() { Ok(()) } else { Err(XmlError::BreaksOff) }
    }
}

/// Resolves a numeric character reference or a predefined entity.
fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| XmlError::NotXml)? {
        return Ok(character.to_string());
    }
    resolve_predefined_entity(reference).map(str::to_owned).ok_or(XmlError::OwnEntity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept {
        types: Vec<Option<String>>,
        ended: Vec<String>,
        sources: Vec<String>,
    }

    impl Elements for Kept {
        type Error = XmlError;

        fn open(&mut self, _: &[&str], tag: Tag<'_>) -> Result<(), XmlError> {
            self.types.push(tag.attribute("type")?);
            Ok(())
        }

        fn close(&mut self, path: &[&str], text: String) {
            self.ended.push(format!("{}={text}", path.join("/")));
        }

        fn source(&mut self, _: &[&str], source: &str) {
            self.sources.push(source.to_owned());
        }
    }

    fn read(document: &str) -> Result<Kept, XmlError> {
        let mut kept = Kept::default();
        super::read(document.as_bytes(), 3, &mut kept).map(|()| kept)
    }

    #[test]
    fn element_with_children_has_no_text() {
        let document = "\u{FEFF}<?xml version='1.0'?>\n<!-- no --><a>lost<B x='1' Type=\"T &amp; U\"> &lt;<![CDATA[&]]>&#65; </B>\
            <c>1<d/>2</c></a>&#32;<!-- no -->\n";
        let kept = read(document).unwrap();
        assert_eq!(kept.ended, ["A/B= <&A ", "A/C/D=", "A/C=", "A="]);
        assert_eq!(kept.types, [None, Some("T &amp; U".to_owned()), None, None]);
    }

    #[test]
    fn element_has_its_source() {
        let document = "\u{FEFF}<?xml version='1.0'?> <é> x <B>&lt;é</B>\n<!-- <c> --><c d='>'/></é>\n";
        let root = document.trim_start_matches('\u{FEFF}').trim_start_matches("<?xml version='1.0'?> ").trim_end();
        assert_eq!(read(document).unwrap().sources, ["<B>&lt;é</B>", "<c d='>'/>", root]);
    }

    #[test]
    fn content_outside_the_root_or_too_deep_is_rejected() {
        for (document, error) in [
            ("<a/>more", XmlError::TextOutside),
            ("more<a/>", XmlError::TextOutside),
            ("<a/>&#65;", XmlError::TextOutside),
            ("<a/><![CDATA[more]]>", XmlError::TextOutside),
            ("<a/><b/>", XmlError::SecondRoot),
            ("<a></a></b>", XmlError::NotXml),
            ("<a><a><a><a/></a></a></a>", XmlError::TooDeep),
            ("<a><b></b>", XmlError::BreaksOff),
            ("<!-- no -->", XmlError::BreaksOff),
            ("<a type=T/>", XmlError::NotXml),
            ("<!DOCTYPE a><a/>", XmlError::DocumentType),
            ("<a/><!DOCTYPE a>", XmlError::DocumentType),
            ("<a>&b;</a>", XmlError::OwnEntity),
            ("<a>&#0;</a>", XmlError::NotXml),
        ] {
            assert_eq!(read(document).err(), Some(error), "{document}");
        }
        assert_eq!(super::read(b"<a>\xFF</a>", 3, &mut Kept::default()), Err(XmlError::NotUtf8));
    }
}
