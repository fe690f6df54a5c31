//! The format of the loopback carrier's own message IDs. By default a receipt has the gateway's reference. If
//! a person sets a format, receipts omit the reference and have the ID in that format, while answers to
//! submits have it in hexadecimal. So the two may differ, as they do at some real carriers.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::emulator::problem::{Fields, Problem};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum IdFormat {
    /// The ID as generated. Receipts have the gateway's reference.
    #[default]
    AsGiven,
    /// With this and the following formats, receipts omit the reference.
    Hexadecimal,
    UpperCase,
    Padded,
    Decimal,
}

const NAMES: [(&str, IdFormat); 4] = [
    ("hexadecimal", IdFormat::Hexadecimal),
    ("upper-case", IdFormat::UpperCase),
    ("padded", IdFormat::Padded),
    ("decimal", IdFormat::Decimal),
];

impl IdFormat {
    /// Parses `{"by_id": "decimal"}`, or `{}` for the default.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        if fields.entries().next().is_none() {
            return Ok(Self::default());
        }
        let name = fields.text("by_id")?;
        let known = NAMES.into_iter().find(|(known, _)| *known == name);
        let fault = || Problem::invalid("by_id", "must be hexadecimal, upper-case, padded or decimal");
        known.map(|(_, id_format)| id_format).ok_or_else(fault)
    }

    /// Returns the setting as [`read`](Self::read) parses it.
    pub(super) fn setting(self) -> Value {
        let name = NAMES.into_iter().find(|(_, id_format)| *id_format == self).map(|(name, _)| name);
        name.map_or_else(|| json!({}), |name| json!({ "by_id": name }))
    }

    pub(super) fn has_reference(self) -> bool {
        self == Self::AsGiven
    }

    /// Formats the ID in the answer to a submit.
    pub(super) fn in_submit_response(self, id: &str) -> String {
        match self {
            Self::AsGiven => id.to_owned(),
            _ => format!("{:x}", number(id)),
        }
    }

    /// Formats the ID in a receipt.
    pub(super) fn in_receipt(self, id: &str) -> String {
        let number = number(id);
        match self {
            Self::AsGiven => id.to_owned(),
            Self::Hexadecimal => format!("{number:x}"),
            Self::UpperCase => format!("{number:X}"),
            Self::Padded => format!("{number:020x}"),
            Self::Decimal => number.to_string(),
        }
    }
}

fn number(id: &str) -> u64 {
    Uuid::parse_str(id).map_or(0, |id| id.as_u64_pair().0)
}
