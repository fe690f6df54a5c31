//! Carriers: hands each call to the connector of the carrier's vendor.
//!
//! [`Connector`] is the contract. [`Submitter`] submits messages and looks up submits; [`Vendor`] parses and
//! verifies the carrier's posts to `dlr-webhook` and `mo-webhook`.

pub mod carrier_id;
mod circuit_breaker;
mod submitter;
mod webhook_setup;

pub use circuit_breaker::SubmitKey;
pub use submitter::Submitter;
pub use webhook_setup::{SetupError, plan_webhooks, register_webhook};

use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, ChannelCapability, Content, LookupOutcome, Outcome,
        ParseError, ParsedItems, Submission, SubmitReference, Timestamp, Vendor, VendorProfile,
    },
    vendors::{
        Connection, Connector, Webhook, WebhookCall, WebhookSetupError, WebhookTargets, cm, cymba, loopback, messangi,
        mta,
    },
};

/// Evaluates `$call` with `$connector` as the vendor's [`Connector`]: a line for each vendor.
macro_rules! with_connector {
    ($vendor:expr, $connector:ident => $call:expr) => {
        match $vendor {
            Vendor::Loopback => with_connector!(@ loopback::carrier::Loopback, $connector, $call),
            Vendor::Cm => with_connector!(@ cm::carrier::Cm, $connector, $call),
            Vendor::Cymba => with_connector!(@ cymba::carrier::Cymba, $connector, $call),
            Vendor::Messangi => with_connector!(@ messangi::carrier::Messangi, $connector, $call),
            Vendor::Mta => with_connector!(@ mta::carrier::Mta, $connector, $call),
        }
    };
    (@ $of:ty, $connector:ident, $call:expr) => {{
        type $connector = $of;
        $call
    }};
}

impl Vendor {
    #[must_use]
    pub fn profile(self) -> &'static VendorProfile {
        with_connector!(self, Of => const { &Of::PROFILE })
    }

    /// Returns how this vendor shows the content on the channel.
    #[must_use]
    pub fn capability(self, content: &Content, channel: Channel) -> ChannelCapability {
        with_connector!(self, Of => Of::capability(content, channel))
    }

    /// Parses a request to `dlr-webhook`. A single unreadable receipt is an `Err` item.
    ///
    /// # Errors
    /// If the body is not in this vendor's format.
    pub fn read_receipts(self, body: &[u8]) -> Result<ParsedItems<CarrierReceipt>, ParseError> {
        let read = with_connector!(self, Of => Of::read_receipts(body))?;
        Ok(read.map(CarrierReceipt::cleaned))
    }

    /// Returns whether a webhook bears this vendor's signature under `secret`.
    #[must_use]
    pub fn is_signed(self, webhook: &Webhook<'_>, secret: &str) -> bool {
        with_connector!(self, Of => Of::is_signed(webhook, secret))
    }

    async fn submit(self, connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
        with_connector!(self, Of => Of::submit(connection, submission, now).await)
    }

    async fn look_up(self, connection: &Connection<'_>, reference: SubmitReference) -> LookupOutcome {
        with_connector!(self, Of => Of::look_up(connection, reference).await)
    }

    async fn plan_webhooks(
        self,
        connection: &Connection<'_>,
        targets: &WebhookTargets<'_>,
    ) -> Result<Vec<WebhookCall>, WebhookSetupError> {
        with_connector!(self, Of => Of::plan_webhooks(connection, targets).await)
    }

    async fn register_webhook(self, connection: &Connection<'_>, call: &WebhookCall) -> Result<(), WebhookSetupError> {
        with_connector!(self, Of => Of::register_webhook(connection, call).await)
    }
}

impl CarrierSettings {
    /// Parses a request to `mo-webhook`. A single unreadable reply is an `Err` item.
    ///
    /// # Errors
    /// If the body is not in the vendor's format.
    pub fn read_replies(&self, body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
        let read = with_connector!(self.vendor, Of => Of::read_replies(body, self))?;
        Ok(read.map(CarrierReply::cleaned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ReportedStatus;
    use serde_json::json;

    #[test]
    fn receipt_texts_are_short_and_contain_no_number() {
        let (code, description) = ("E-44 7911 123456", format!("to 00447911123456: {}", "x".repeat(200)));
        let of_cm = json!({"code": 3, "errorCode": code, "errorDescription": description});
        let of_loopback = json!({"id": "1", "status": "undelivered", "code": code, "description": description});
        let of_cymba = json!({"delivered": false, "info": {"code": code, "description": description}});
        for (vendor, body) in [
            (Vendor::Cm, json!({"messages": {"msg": {"status": of_cm}}})),
            (Vendor::Loopback, of_loopback),
            (Vendor::Cymba, of_cymba),
        ] {
            let read = |body: &str| vendor.read_receipts(body.as_bytes()).unwrap().into_iter().next().unwrap().unwrap();
            let receipt = read(&body.to_string());
            assert_eq!(receipt.code.as_deref(), Some("E…"), "{vendor}");
            assert_eq!(receipt.description, Some(format!("to … {}", "x".repeat(95))), "{vendor}");
            let long = body.to_string().replace(code, &"é".repeat(21));
            assert_eq!(read(&long).code, Some("é".repeat(20)), "{vendor}");
        }
    }

    #[test]
    fn unknown_status_is_short_and_contains_no_number() {
        for (status, kept) in [("9", "9"), ("lost 447911123456", "lost …"), (&"é".repeat(30), &"é".repeat(20))] {
            let of_cm = json!({"messages": {"msg": {"reference": "another's", "status": {"code": status}}}});
            let by_id = json!({"id": "1", "status": status});
            for (vendor, body) in [(Vendor::Cm, of_cm), (Vendor::Loopback, by_id.clone()), (Vendor::Messangi, by_id)] {
                let receipts = vendor.read_receipts(body.to_string().as_bytes()).unwrap();
                let receipt = receipts.into_iter().next().unwrap().unwrap();
                assert_eq!(receipt.status, ReportedStatus::Unknown(kept.to_owned()), "{vendor}");
            }
        }
    }
}
