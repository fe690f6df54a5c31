//! Validates a submit by the table of Messangi's page "Outbound SMS".

use std::sync::Arc;

use url::Url;

use super::error::Error;
use super::{Connection, ReceiptAddresses, Submit, Vendor};
use crate::emulator::carriers::callback_address;
use crate::emulator::channels::Channel;
use crate::emulator::phone::{self, Phone};
use crate::emulator::problem::{Fields, Problem};

/// The fields that the answer repeats.
pub(super) const FIELDS: [&str; 10] =
    ["from", "text", "to", "requestDR", "type", "externalId", "callbacks", "connection", "email", "clientId"];
const MOST_CHARACTERS: usize = 1600;

pub(super) struct Request {
    pub(super) submit: Submit,
    pub(super) fields: Fields,
}

impl Request {
    pub(super) fn parse(body: &[u8], connection: Option<&Arc<Connection>>) -> Result<Self, Error> {
        let fields = Fields::parse(body)?;
        let from = phone::shown_sender(fields.filled_text("from")?).to_owned();
        let text = fields.filled_text("text")?.to_owned();
        let to = Phone::parse_e164(fields.filled_text("to")?).map_err(|_| Error::InvalidRouting);
        if fields.optional("type", Fields::text)?.is_some_and(|kind| kind != "MT") {
            return Err(Problem::invalid("type", "must be MT").into());
        }
        for name in ["connection", "email"] {
            fields.optional(name, Fields::text)?;
        }
        let wants_receipts = fields.optional("requestDR", Fields::flag)?.unwrap_or_default();
        let callbacks = fields.optional("callbacks", callbacks)?.filter(|_| wants_receipts);
        let submit = Submit {
            vendor: Vendor::Messangi,
            connection: connection.cloned(),
            reference: fields.optional("externalId", external_id)?.unwrap_or_default(),
            client_id: fields.optional("clientId", Fields::text)?.unwrap_or_default().to_owned(),
            from,
            to: to?,
            channel: Channel::Sms,
            text,
            content: None,
            groupings: [const { String::new() }; 3],
            receipts: ReceiptAddresses::Own(callbacks.unwrap_or_default()),
        };
        if submit.text.chars().count() > MOST_CHARACTERS {
            return Err(Error::SegmentsExceeded);
        }
        Ok(Self { submit, fields })
    }
}

fn external_id(fields: &Fields, field: &'static str) -> Result<String, Problem> {
    let id = fields.text(field)?;
    let is_alphanumeric = id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_alphanumeric.then(|| id.to_owned()).ok_or_else(|| Problem::invalid(field, "must be alphanumeric"))
}

/// Reads one or more addresses, separated by commas.
fn callbacks(fields: &Fields, field: &'static str) -> Result<Vec<Url>, Problem> {
    let addresses = fields.text(field)?.split(',').map(|address| callback_address::parse(address.trim()));
    addresses.collect::<Result<_, _>>().map_err(|error| Problem::invalid(field, error.to_string()))
}
