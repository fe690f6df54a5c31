//! The CM.com carrier: the JSON gateway of the page "Business Messaging API", status reports and replies.
//!
//! `submit.rs` writes and posts a message, and `answer.rs` reads the outcome.

mod answer;
mod content;
mod receipt;
mod receipt_xml;
mod reply;
mod standard_errors;
mod submit;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, CredentialPart, Outcome,
        ParseError, ParsedItems, Submission, VendorProfile,
    },
    vendors::{Connection, Connector, cm::capability::capability},
};

pub(crate) struct Cm;

impl Connector for Cm {
    const PROFILE: VendorProfile = VendorProfile {
        title: "CM.com",
        endpoint: Some("https://gw.messaging.cm.com/"),
        // The product token.
        credentials: &[&[CredentialPart::Key]],
        channels: None,
        longest_text: None,
        // CM.com documents none of the following.
        lookup: false,
        receipts_by_id: false,
        signs_webhooks: false,
        sender_id: None,
        numeric_sender_ids: false,
        national_numbers: false,
        takes_webhook_url: false,
        webhook_events: None,
    };

    async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
        submit::submit(connection, submission, now).await
    }

    fn capability(content: &Content, channel: Channel) -> ChannelCapability {
        capability(content, channel)
    }

    fn read_receipts(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
        receipt::read(body)
    }

    fn read_replies(body: &[u8], _: &CarrierSettings) -> Result<ParsedItems<CarrierReply>, ParseError> {
        reply::read(body)
    }
}
