//! Cymba Messaging Plus as a carrier, by the pages "Add Message", "Delivery Receipt Webhooks" and those on inbound
//! messages.
//!
//! The pages leave these points open, and the choices are ours:
//! - The form of errors. A 400, 413 or 422 rejects the message, with the words of the body if there are any. Any other
//!   client error concerns the account or the endpoint.
//! - The string behind the `signature` header. Without a signing secret only the token in the path authenticates a
//!   webhook. With one we expect what our own dialect `mplus` signs: `<timestamp>.<body>`, with HMAC-SHA256 in hex. We
//!   do not check the age of `timestamp`: a repeated webhook changes nothing.
//! - Validity. A submit cannot bear one.

mod receipt;
mod reply;
mod submit;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, CredentialPart, Outcome,
        ParseError, ParsedItems, Submission, VendorProfile,
    },
    formats::signature::is_hex_hmac,
    vendors::{Connection, Connector, Webhook},
};

const SIGNATURE_HEADER: &str = "signature";
const TIMESTAMP_HEADER: &str = "timestamp";

pub(crate) struct Cymba;

impl Connector for Cymba {
    const PROFILE: VendorProfile = VendorProfile {
        title: "Cymba Messaging Plus",
        // The guide has another host: https://api.mplus.cymba.co.uk/.
        endpoint: Some("https://mplus.instagiv.com/"),
        credentials: &[&[CredentialPart::Key]],
        channels: Some(&[Channel::Sms, Channel::Rcs]),
        longest_text: None,
        lookup: false,
        receipts_by_id: true,
        signs_webhooks: true,
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

    fn is_signed(webhook: &Webhook<'_>, secret: &str) -> bool {
        let Some(timestamp) = webhook.headers.get(TIMESTAMP_HEADER) else { return false };
        let signed = [timestamp.as_bytes(), b".", webhook.body].concat();
        is_hex_hmac(webhook.headers, SIGNATURE_HEADER, &signed, secret)
    }
}
