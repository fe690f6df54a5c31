//! What carriers and the phones behind them do to a system: phones get messages and
//! answer, and carriers bring receipts and replies to its webhooks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::system::{Answer, CM_TOKEN, System, TOKEN, answer};

/// Where the simulated carrier brings receipts.
#[must_use]
pub fn receipts_path() -> String {
    format!("/dlr/loopback/{TOKEN}")
}

/// Where it brings replies.
#[must_use]
pub fn replies_path() -> String {
    format!("/mo/loopback/{TOKEN}")
}

impl System {
    /// What that phone has got.
    pub async fn handset(&self, number: &str) -> Vec<Value> {
        let answer = answer(self.request(Method::GET, &format!("/handsets/{number}"))).await;
        answer.body["messages"].as_array().unwrap().clone()
    }

    /// Waits until that phone has got that many messages.
    pub async fn until_handset(&self, number: &str, count: usize) -> Vec<Value> {
        self.until(&format!("{number} has {count}"), async || {
            let messages = self.handset(number).await;
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    /// Answers as that phone would.
    pub async fn reply(&self, number: &str, to: &Value, text: &str) {
        let reply = self.request(Method::POST, &format!("/handsets/{number}/replies"));
        let answer = answer(reply.json(&json!({"to": to, "text": text}))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }

    /// Posts to a webhook, whatever that makes of it.
    pub async fn post_webhook(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Posts to a webhook what it takes.
    pub async fn deliver_webhook(&self, path: &str, body: &Value) {
        let answer = self.post_webhook(path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    /// Brings a receipt as the simulated carrier would.
    pub async fn deliver_receipt(&self, receipt: &Value) {
        self.deliver_webhook(&receipts_path(), receipt).await;
    }

    /// Brings a reply as the simulated carrier would.
    pub async fn deliver_reply(&self, reply: &Value) {
        self.deliver_webhook(&replies_path(), reply).await;
    }

    /// Brings a status report as CM.com would.
    pub async fn deliver_cm_report(&self, msg: &Value) {
        self.deliver_webhook(&format!("/dlr/cm/{CM_TOKEN}"), &json!({"messages": {"msg": msg}})).await;
    }

    /// The receipts (`receipt`) or replies (`reply`) that belong to nothing known, as they came.
    pub async fn unmatched(&self, kind: &str) -> Vec<Value> {
        let answer = self.aws("DynamoDB_20120810.Scan", &json!({"TableName": "MessagesTable"})).await;
        let items = answer["Items"].as_array().unwrap().iter();
        let unmatched =
            items.filter(|item| item["id"]["S"].as_str().unwrap().starts_with(&format!("unmatched#{kind}#")));
        unmatched.map(|item| serde_json::from_str(item["payload"]["S"].as_str().unwrap()).unwrap()).collect()
    }
}
