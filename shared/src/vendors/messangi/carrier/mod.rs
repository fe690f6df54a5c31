//! Messangi as a carrier, by the pages "Outbound SMS", "Build your API call", "Callback URL (MT)" and "Callback URL
//! (MO)".
//!
//! The pages leave these points open, and the choices are ours:
//! - The form of errors. We read `{"error":{"code","message","field"}}` whose code is a status of the page, and
//!   otherwise any usual words. A 400, 413 or 422 rejects the message. Any other client error concerns the account or
//!   the endpoint, unless its code is a status that blames the message. `ERROR` does not, nor does any code of a 401.
//! - Answers in the flat form `{"status","messageId","description"}`, which older clients expect.
//! - The ID of a reply: `reply.rs`.
//! - Validity. A submit has no field for it.

mod login;
mod receipt;
mod reply;
mod status;
mod submit;
#[cfg(test)]
mod tests;
mod time;

use jiff::Timestamp;

use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, CredentialPart, Outcome,
        ParseError, ParsedItems, Submission, VendorProfile,
    },
    vendors::{Connection, Connector},
};

pub(crate) struct Messangi;

impl Connector for Messangi {
    const PROFILE: VendorProfile = VendorProfile {
        title: "Messangi",
        endpoint: Some("https://elastic.messangi.me/"),
        // A permanent key, or the login to Messangi's web site, for which the API issues keys of a day.
        credentials: &[&[CredentialPart::Key], &[CredentialPart::Login, CredentialPart::Password]],
        channels: Some(&[Channel::Sms]),
        // Counted in characters, by the table on the page "Outbound SMS".
        longest_text: Some(1_600),
        // No page documents how to ask for a message, or signs a webhook.
        lookup: false,
        // Receipts bear our reference, too.
        receipts_by_id: false,
        signs_webhooks: false,
        sender_id: None,
        numeric_sender_ids: false,
        national_numbers: false,
        takes_webhook_url: true,
        webhook_events: None,
    };

    async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
        submit::submit(connection, submission, now).await
    }

    fn capability(content: &Content, channel: Channel) -> ChannelCapability {
        content.capability(channel).at_most_text()
    }

    fn read_receipts(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
        receipt::read(body)
    }

    fn read_replies(body: &[u8], _: &CarrierSettings) -> Result<ParsedItems<CarrierReply>, ParseError> {
        reply::read(body)
    }
}
