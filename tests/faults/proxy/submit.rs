//! Submits, as the carriers accepted them, and the receipts for them, in the simulated vendors' formats.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use local::{
    config::CarrierConfig,
    emulator::wire::{self, Call, Credentials, Exchange, WebhookBody},
};
use shared::domain::{CarrierName, Message, ReceiptStatus, SubmitReference};
use tests::{Request, carrier_configs, webhook_path};

use super::WebhookRequest;
use crate::fault::Answer;

/// Returns the carrier of `local.toml` whose credentials a submit bears.
fn carrier_of(submit: &wire::Submit) -> CarrierName {
    let is_its = |carrier: &CarrierConfig| {
        let login = carrier.login.clone().zip(carrier.password.clone());
        let login = login.map(|(login, password)| Credentials::Login { login, password });
        let credentials = carrier.key.clone().map(Credentials::Key).or(login);
        carrier.vendor.into_str() == submit.vendor().into_str() && submit.is_authorized_by(credentials.as_ref())
    };
    let found = carrier_configs().into_iter().find(|(_, carrier)| is_its(carrier));
    found.expect("the emulator accepts the credentials of its carriers only").0
}

/// Returns the sender whose carrier ID is in the request, or else the sender as written.
fn sender(carrier: CarrierName, written: &str) -> String {
    let ids = &carrier_configs()[&carrier].sender_ids;
    let known = ids.iter().find(|(_, id)| *id == written).map(|(sender, _)| sender.to_string());
    known.unwrap_or_else(|| written.to_owned())
}

/// The proxy's header for a submit's time of arrival.
pub const SENT_AT: &str = "x-sent-at";

#[derive(Clone, Debug)]
pub struct Submit {
    pub carrier: CarrierName,
    pub reference: String,
    /// The sender. A number has no `+` or `00`.
    pub from: String,
    /// The recipient's digits.
    pub to: String,
    pub invocation: usize,
    /// When the function sent it, by the functions' clock.
    pub sent_at: Timestamp,
    submitted: wire::Submit,
}

impl Submit {
    /// Returns the accepted submits of a request.
    pub fn of(request: &Request, answer: &Answer, invocation: usize) -> Vec<Self> {
        let Some((vendor, Call::Submit)) = wire::call(&request.method, &request.path) else { return Vec::new() };
        let headers = headers(request);
        let status = StatusCode::from_u16(answer.status).unwrap();
        let (path, body) = (&request.path, &request.body);
        let exchange = Exchange { path, headers: &headers, request: body, status, answer: &answer.body };
        let accepted = wire::accepted(vendor, &exchange).unwrap();
        let sent_at = request.header(SENT_AT).and_then(|at| at.parse().ok()).unwrap_or_default();
        accepted.into_iter().map(|submitted| Self::new(submitted, invocation, sent_at)).collect()
    }

    pub fn belongs_to(&self, message: &Message) -> bool {
        self.reference.parse::<SubmitReference>().is_ok_and(|name| name.message == message.id)
    }

    /// Builds the receipt for this submit in the carrier's own format. The gateway does not read its time.
    pub fn receipt(&self, status: ReceiptStatus) -> WebhookRequest {
        let body = self.receipt_body(status).expect("a status of the vendor");
        let named = self.submitted.callbacks().first().map(|url| url.path().to_owned());
        let path = named.unwrap_or_else(|| webhook_path("dlr", self.carrier.as_str()));
        WebhookRequest { path, body: body.bytes.to_vec() }
    }

    /// Returns whether the vendor reports this status.
    pub fn reports(&self, status: ReceiptStatus) -> bool {
        self.receipt_body(status).is_some()
    }

    fn receipt_body(&self, status: ReceiptStatus) -> Option<WebhookBody> {
        let status = status.into_str().parse().expect("a status of the emulator");
        self.submitted.receipt(status, Timestamp::UNIX_EPOCH)
    }

    fn new(submitted: wire::Submit, invocation: usize, sent_at: Timestamp) -> Self {
        let carrier = carrier_of(&submitted);
        Self {
            carrier,
            reference: submitted.reference().to_owned(),
            from: sender(carrier, submitted.from()),
            to: submitted.to().to_owned(),
            invocation,
            sent_at,
            submitted,
        }
    }
}

fn headers(request: &Request) -> HeaderMap {
    let header = |(name, value): &(String, String)| -> (HeaderName, HeaderValue) {
        (name.parse().unwrap(), value.parse().unwrap())
    };
    request.headers.iter().map(header).collect()
}
