//! Parses a submit.

use std::sync::Arc;

use super::error::Error;
use super::{Connection, ReceiptAddresses, Submit, Vendor};
use crate::emulator::channels::Channel;
use crate::emulator::handsets;
use crate::emulator::phone::{self, Phone};
use crate::emulator::problem::{Fields, Problem};

/// A submit as written.
pub(super) struct Request {
    pub(super) reference: String,
    pub(super) sender: Sender,
    to: Phone,
    text: String,
    channel: Channel,
}

pub(super) enum Sender {
    /// `from`, in the form that a phone shows.
    From(String),
    /// `senderId`.
    Id(String),
}

impl Request {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            reference: fields.filled_text("reference")?.to_owned(),
            sender: sender(&fields)?,
            to: handsets::phone("to", fields.filled_text("to")?)?,
            text: fields.text("text")?.to_owned(),
            channel: Channel::parse(fields.filled_text("channel")?)
                .ok_or_else(|| Problem::invalid("channel", "is not a channel"))?,
        })
    }

    /// Returns the submit with the sender that the connection's table names.
    pub(super) fn resolve(self, connection: Option<Arc<Connection>>) -> Result<Submit, Error> {
        let from = match &self.sender {
            Sender::Id(id) => {
                let known = connection.as_ref().and_then(|connection| connection.sender(id));
                known.ok_or(Error::UnknownSender)?.to_owned()
            }
            Sender::From(from) if connection.as_ref().is_some_and(|connection| connection.has_id_for(from)) => {
                return Err(Problem::invalid("from", "has an ID at this carrier, which senderId must name").into());
            }
            Sender::From(from) => from.clone(),
        };
        Ok(self.submit(connection, from))
    }

    /// Returns the submit with the sender or the sender's ID as written.
    pub(super) fn unresolved(self) -> Submit {
        let (Sender::From(from) | Sender::Id(from)) = &self.sender;
        let from = from.clone();
        self.submit(None, from)
    }

    fn submit(self, connection: Option<Arc<Connection>>, from: String) -> Submit {
        Submit {
            vendor: Vendor::Loopback,
            connection,
            reference: self.reference,
            from,
            to: self.to,
            channel: self.channel,
            text: self.text,
            content: None,
            groupings: [const { String::new() }; 3],
            receipts: ReceiptAddresses::Registered,
            client_id: String::new(),
        }
    }
}

fn sender(fields: &Fields) -> Result<Sender, Problem> {
    if !fields.has("senderId") {
        return Ok(Sender::From(phone::shown_sender(fields.filled_text("from")?).to_owned()));
    }
    if fields.has("from") {
        return Err(Problem::invalid("from", "must not be beside senderId"));
    }
    Ok(Sender::Id(fields.filled_text("senderId")?.to_owned()))
}
