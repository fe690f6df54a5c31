//! Validates a submit by the page "Send a message".

use std::sync::Arc;

use serde_json::Value;

use super::error::Error;
use super::{Connection, OWN_NUMBER, ReceiptAddresses, Submit, Vendor};
use crate::emulator::channels::Channel;
use crate::emulator::phone::Phone;
use crate::emulator::problem::{Fields, Problem};

/// The page's fields that we simulate.
const FIELDS: [&str; 4] = ["subscribers", "message", "longcodeId", "externalId"];
const MOST_CHARACTERS: usize = 160;

/// A submit as written.
pub(super) struct Request {
    to: Phone,
    message: String,
    longcode_id: Option<u64>,
    external_id: String,
}

impl Request {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        fields.only(&FIELDS)?;
        let request = Self {
            to: subscriber(&fields)?,
            message: fields.filled_text("message")?.to_owned(),
            longcode_id: fields.optional("longcodeId", Fields::whole_number)?,
            external_id: fields.optional("externalId", Fields::text)?.unwrap_or_default().to_owned(),
        };
        Ok(request)
    }

    /// Returns the submit, sent from the number behind `longcodeId`.
    pub(super) fn resolve(self, connection: &Arc<Connection>) -> Result<Submit, Error> {
        if self.message.chars().count() > MOST_CHARACTERS {
            return Err(Error::TooLong);
        }
        let from = match self.longcode_id {
            None => OWN_NUMBER,
            Some(id) => connection.sender(&id.to_string()).ok_or(Error::UnknownLongcode)?,
        };
        let from = from.to_owned();
        Ok(self.submit(Some(Arc::clone(connection)), from))
    }

    /// Returns the submit with `longcodeId` as written.
    pub(super) fn unresolved(self) -> Submit {
        let from = self.longcode_id.map_or_else(|| OWN_NUMBER.to_owned(), |id| id.to_string());
        self.submit(None, from)
    }

    fn submit(self, connection: Option<Arc<Connection>>, from: String) -> Submit {
        Submit {
            vendor: Vendor::Mta,
            connection,
            reference: self.external_id,
            from,
            to: self.to,
            channel: Channel::Sms,
            text: self.message,
            content: None,
            groupings: [const { String::new() }; 3],
            receipts: ReceiptAddresses::Registered,
            client_id: String::new(),
        }
    }
}

/// Reads the single recipient: a string or a JSON number.
fn subscriber(fields: &Fields) -> Result<Phone, Problem> {
    let invalid = |message: &str| Problem::invalid("subscribers", message);
    let all = fields.list::<Value>("subscribers")?;
    let [one] = all.as_slice() else { return Err(invalid("must have one recipient; more are not simulated")) };
    let written = match one {
        Value::String(text) if text.contains('@') => return Err(invalid("must be numbers; e-mail is not simulated")),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(invalid("must be a list of texts and numbers")),
    };
    Phone::parse_e164(&written).map_err(|_| invalid("has an invalid phone number"))
}
