//! Private values in every spelling in which they may leak.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// A unique private value.
pub struct Canary {
    what: &'static str,
    spellings: Vec<String>,
}

impl Canary {
    pub fn new(what: &'static str, value: &str) -> Self {
        let mut spellings = vec![value.to_owned()];
        spellings.extend(percent(value));
        spellings.extend(base64(value));
        spellings.push(hex::encode(value));
        spellings.push(hex::encode_upper(value));
        spellings.push(value.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", "));
        spellings.push(value.escape_default().to_string());
        spellings.push(value.as_bytes().escape_ascii().to_string());
        spellings.push(
            value
                .chars()
                .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
                .collect(),
        );
        spellings.dedup();
        Self { what, spellings }
    }

    /// Returns a canary for a number, with and without the country code.
    pub fn number(digits: &str) -> Self {
        let (international, national) = (Self::new("number", digits), Self::new("number", &digits[2..]));
        Self { what: "number", spellings: [international.spellings, national.spellings].concat() }
    }

    /// Returns what kind of value the canary is.
    pub fn what(&self) -> &'static str {
        self.what
    }

    pub fn is_in(&self, text: &str) -> bool {
        self.spellings.iter().any(|spelling| text.contains(spelling))
    }
}

/// Panics if a line holds the canary.
#[track_caller]
pub fn assert_silent(canary: &Canary, source: &str, text: &str) {
    if let Some(line) = text.lines().find(|line| canary.is_in(line)) {
        panic!("{source} holds a {}: {line}", canary.what);
    }
}

fn percent(value: &str) -> Vec<String> {
    const USUAL: &[u8] = b"-._";
    let written = |plain: &[u8], blank: &str, escape: fn(u8) -> String| {
        let byte = |byte: u8| match byte {
            b' ' => blank.to_owned(),
            _ if byte.is_ascii_alphanumeric() || plain.contains(&byte) => char::from(byte).to_string(),
            _ => escape(byte),
        };
        value.bytes().map(byte).collect::<String>()
    };
    let mut spellings = Vec::new();
    for escape in [(|byte| format!("%{byte:02X}")) as fn(u8) -> String, |byte| format!("%{byte:02x}")] {
        spellings.extend([USUAL, b""].map(|plain| written(plain, "%20", escape)));
        spellings.push(written(USUAL, "+", escape));
        spellings.push(value.bytes().map(escape).collect());
    }
    spellings
}

/// Returns the value's base64 inside a longer input, at each of the three alignments.
fn base64(value: &str) -> Vec<String> {
    let mut spellings = Vec::new();
    for before in 0..3 {
        let bytes = [&vec![0; before], value.as_bytes()].concat();
        // We keep only the characters that do not depend on the neighbouring bytes.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        spellings.extend([STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)].map(|text| text[first..last].to_owned()));
    }
    spellings
}
