//! Mobile Text Alerts as a carrier, by the pages "Send a message", "Receive and reply to messages", "Webhooks" and
//! "Error message catalog" for its API v3.
//!
//! The pages leave these points open, and the choices are ours:
//! - A repeated submit. The pages describe the header `X-Request-Id` only for verification codes: a second request with
//!   the same ID gets a 409. Clients use the header for `/send` too, and so do we, with our reference. A 409 then most
//!   likely means that Mobile Text Alerts has the message from an earlier submit. But it may also remember the ID of a
//!   request that it refused. So we record an unknown outcome, which a receipt can still resolve.
//! - The answer to a submit. The pages name only `data.messageId`. We also read `id`, and both beside `data`, as
//!   numbers or strings. An answer with `"success": true` and no ID accepts the message, because receipts contain our
//!   reference.
//! - The length of a text. We count an SMS's 160 characters as Unicode characters.
//! - A refusal because the number has unsubscribed: a 400 whose text says "unsubscribed" or "opted out".
//! - Other errors. A 400, 413 or 422 rejects the message, with the text of the body. Any other client error concerns
//!   the account or the endpoint. That includes the 403 for an unverified account, which may send templates only.
//! - A webhook's event: `event.rs`. A reply's ID: `reply.rs`.
//! - Validity. A submit has no field for it.

mod event;
mod receipt;
mod reply;
mod submit;
#[cfg(test)]
mod tests;
mod webhook_setup;

use jiff::Timestamp;

use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, CredentialPart, Outcome,
        ParseError, ParsedItems, Submission, VendorProfile,
    },
    formats::signature::is_hex_hmac,
    vendors::{Connection, Connector, Webhook, WebhookCall, WebhookSetupError, WebhookTargets},
};

const SIGNATURE_HEADER: &str = "x-signature";

pub(crate) struct Mta;

impl Connector for Mta {
    const PROFILE: VendorProfile = VendorProfile {
        title: "Mobile Text Alerts",
        endpoint: Some("https://api.mobile-text-alerts.com/"),
        credentials: &[&[CredentialPart::Key]],
        channels: Some(&[Channel::Sms]),
        // The vendor refuses a longer SMS, and does not split it.
        longest_text: Some(160),
        // The pages document no request for a message's status.
        lookup: false,
        receipts_by_id: true,
        signs_webhooks: true,
        sender_id: Some("longcodeId"),
        numeric_sender_ids: true,
        national_numbers: true,
        takes_webhook_url: false,
        webhook_events: Some([event::DELIVERY_STATUS, event::MESSAGE_REPLY]),
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

    fn read_replies(body: &[u8], settings: &CarrierSettings) -> Result<ParsedItems<CarrierReply>, ParseError> {
        reply::read(body, settings)
    }

    fn is_signed(webhook: &Webhook<'_>, secret: &str) -> bool {
        is_hex_hmac(webhook.headers, SIGNATURE_HEADER, webhook.body, secret)
    }

    async fn plan_webhooks(
        connection: &Connection<'_>,
        targets: &WebhookTargets<'_>,
    ) -> Result<Vec<WebhookCall>, WebhookSetupError> {
        webhook_setup::plan(connection, targets).await
    }

    async fn register_webhook(connection: &Connection<'_>, call: &WebhookCall) -> Result<(), WebhookSetupError> {
        webhook_setup::register(connection, call).await
    }
}
