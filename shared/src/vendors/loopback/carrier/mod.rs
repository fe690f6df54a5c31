//! The loopback carrier: a real connector to the local stack's simulated network. `infra/local/src/emulator`
//! serves and describes its formats. It has every setting that a carrier may have, so that each is tested end to
//! end. It shows texts only.

mod lookup;
mod receipt;
mod reply;
mod submit;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, CredentialPart,
        LookupOutcome, Outcome, ParseError, ParsedItems, Submission, SubmitReference, VendorProfile,
    },
    formats::signature::is_hex_hmac,
    vendors::{Connection, Connector, Webhook},
};

const SIGNATURE_HEADER: &str = "x-loopback-signature";

pub(crate) struct Loopback;

impl Connector for Loopback {
    const PROFILE: VendorProfile = VendorProfile {
        title: "the simulated network",
        endpoint: None,
        credentials: &[&[], &[CredentialPart::Key], &[CredentialPart::Login, CredentialPart::Password]],
        channels: None,
        longest_text: None,
        lookup: true,
        receipts_by_id: true,
        signs_webhooks: true,
        sender_id: Some("senderId"),
        numeric_sender_ids: false,
        national_numbers: true,
        takes_webhook_url: false,
        webhook_events: None,
    };

    async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
        submit::submit(connection, submission, now).await
    }

    async fn look_up(connection: &Connection<'_>, reference: SubmitReference) -> LookupOutcome {
        lookup::look_up(connection, reference).await
    }

    fn capability(content: &Content, channel: Channel) -> ChannelCapability {
        content.capability(channel).at_most_text()
    }

    fn read_receipts(body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
        Ok(vec![receipt::read(body)].into())
    }

    fn read_replies(body: &[u8], settings: &CarrierSettings) -> Result<ParsedItems<CarrierReply>, ParseError> {
        Ok(vec![reply::read(body, settings)].into())
    }

    fn is_signed(webhook: &Webhook<'_>, secret: &str) -> bool {
        is_hex_hmac(webhook.headers, SIGNATURE_HEADER, webhook.body, secret)
    }
}
