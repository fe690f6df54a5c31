//! Submits, parsed from the requests to the carriers, and the receipts for them.

use serde_json::{Value, json};
use shared::domain::{CarrierName, Message, ReceiptStatus, SubmitReference};
use tests::{
    Request,
    system::{CM_TOKEN, TOKEN},
};

use super::WebhookRequest;
use crate::fault::Answer;

/// CM.com's receipt time, which the gateway does not read.
const RECEIVED: &str = "2027-02-21T09:30:00";

#[derive(Clone, Debug)]
pub struct Submit {
    pub carrier: CarrierName,
    pub reference: String,
    /// The sender. A number has no `+` or `00`.
    pub from: String,
    /// The recipient's digits.
    pub to: String,
    pub invocation: usize,
}

impl Submit {
    /// Returns the accepted submits of a request.
    pub fn of(request: &Request, answer: &Answer, invocation: usize) -> Vec<Self> {
        if !answer.is_success() {
            return Vec::new();
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if request.path == "/carrier/messages" {
            let one = |from: &Value, to: &Value, carrier| Self::new(carrier, &body, from, to, invocation);
            return vec![one(&body["from"], &body["to"], CarrierName::Loopback)];
        }
        let results: Value = serde_json::from_slice(&answer.body).unwrap();
        let results = results["messages"].as_array().unwrap();
        let requested = body["messages"]["msg"].as_array().unwrap().iter();
        let accepted = requested.zip(results).filter(|(_, result)| result["status"] == "Accepted");
        let submit = |msg: &Value| Self::new(CarrierName::Cm, msg, &msg["from"], &msg["to"][0]["number"], invocation);
        accepted.map(|(msg, _)| submit(msg)).collect()
    }

    pub fn belongs_to(&self, message: &Message) -> bool {
        self.reference.parse::<SubmitReference>().is_ok_and(|name| name.message == message.id)
    }

    /// Builds the receipt for this submit in the carrier's own format.
    pub fn receipt(&self, status: ReceiptStatus) -> WebhookRequest {
        let reference = &self.reference;
        let (token, body) = match self.carrier {
            CarrierName::Loopback => (TOKEN, json!({"id": "c", "reference": reference, "status": status})),
            CarrierName::Cm => {
                let code = match status {
                    ReceiptStatus::Sent => "0",
                    ReceiptStatus::Rejected => "1",
                    ReceiptStatus::Delivered => "2",
                    ReceiptStatus::Undelivered | ReceiptStatus::Expired => "3",
                    ReceiptStatus::Read => "4",
                };
                let status = json!({"code": code, "errorCode": "", "errorDescription": ""});
                let to = format!("00{}", self.to);
                let msg = json!({"received": RECEIVED, "to": to, "reference": reference, "status": status});
                (CM_TOKEN, json!({"messages": {"msg": msg}}))
            }
        };
        WebhookRequest { path: format!("/dlr/{}/{token}", self.carrier), body: body.to_string().into() }
    }

    fn new(carrier: CarrierName, body: &Value, from: &Value, to: &Value, invocation: usize) -> Self {
        let digits = |written: &Value| {
            let written = written.as_str().unwrap();
            written.strip_prefix("00").unwrap_or(written).trim_start_matches('+').to_owned()
        };
        let reference = body["reference"].as_str().unwrap().to_owned();
        Self { carrier, reference, from: digits(from), to: digits(to), invocation }
    }
}
