//! Simulated carriers and their phones. Phones show messages and reply; carriers deliver receipts and
//! replies to the webhooks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Answer, answer},
    config::webhook_path,
    system::System,
    views::MessageRef,
};

/// Returns the webhook path for the loopback carrier's receipts.
#[must_use]
pub fn receipts_path() -> String {
    webhook_path("dlr", "loopback")
}

/// Returns the webhook path for the loopback carrier's replies.
#[must_use]
pub fn replies_path() -> String {
    webhook_path("mo", "loopback")
}

impl System {
    /// Returns the messages on a phone, oldest first: `{"from": …, "text": …, "received_at": …}`. A message
    /// on a channel other than SMS also has `"channel"`, and `"content"` if it has rich content.
    pub async fn handset(&self, number: &str) -> Vec<Value> {
        let answer = answer(self.request(Method::GET, &format!("/handsets/{number}"))).await;
        answer.body["messages"].as_array().unwrap().clone()
    }

    /// Returns the texts on a phone, oldest first.
    pub async fn texts(&self, number: &str) -> Vec<String> {
        self.handset(number).await.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a phone has at least `count` messages, and returns its messages.
    pub async fn until_handset(&self, number: &str, count: usize) -> Vec<Value> {
        self.until(&format!("{number} has {count}"), async || {
            let messages = self.handset(number).await;
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    /// Sets how a phone behaves on some channels: `{"whatsapp": "rejects"}`. The behaviors are `delivers`,
    /// `rejects`, `fails` and `silent`.
    pub async fn set_channels(&self, number: &str, behaviors: Value) {
        let set = answer(self.request(Method::PUT, &format!("/handsets/{number}/channels")).json(&behaviors)).await;
        assert!(set.status.is_success(), "{}", set.body);
    }

    /// Replies from a phone to a sender ID.
    pub async fn reply_from(&self, number: &str, to: &str, text: &str) {
        self.reply(number, &to.into(), text).await;
    }

    /// Replies from a phone with files, and a text unless it is empty.
    pub async fn reply_with_files(&self, number: &str, to: &str, text: &str, urls: &[&str]) {
        let media: Vec<_> = urls.iter().map(|url| json!({"url": url, "content_type": "image/jpeg"})).collect();
        self.post_reply(number, &json!({"to": to, "text": text, "media": media})).await;
    }

    /// Replies from a phone to a sender ID given as JSON.
    pub async fn reply(&self, number: &str, to: &Value, text: &str) {
        self.post_reply(number, &json!({"to": to, "text": text})).await;
    }

    async fn post_reply(&self, number: &str, reply: &Value) {
        let request = self.request(Method::POST, &format!("/handsets/{number}/replies"));
        let answer = answer(request.json(reply)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }

    /// Posts to a webhook, and returns its answer even if that is an error.
    pub async fn post_webhook(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Posts to a webhook; fails unless it answers 200.
    pub async fn deliver_webhook(&self, path: &str, body: &Value) {
        let answer = self.post_webhook(path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    /// Delivers a receipt from the loopback carrier.
    pub async fn deliver_receipt(&self, receipt: &Value) {
        self.deliver_webhook(&receipts_path(), receipt).await;
    }

    /// Delivers a receipt for a message from the loopback carrier.
    pub async fn deliver_status(&self, id: &(impl MessageRef + ?Sized), status: &str) {
        self.deliver_receipt(&json!({"reference": id.message_id(), "status": status})).await;
    }

    /// Delivers a reply from the loopback carrier.
    pub async fn deliver_reply(&self, reply: &Value) {
        self.deliver_webhook(&replies_path(), reply).await;
    }

    /// Delivers a status report from CM.com, by the carrier `cm`.
    pub async fn deliver_cm_report(&self, msg: &Value) {
        self.deliver_webhook(&webhook_path("dlr", "cm"), &json!({"messages": {"msg": msg}})).await;
    }

    /// Returns the webhook bodies of the unmatched receipts (`receipt`) or replies (`reply`).
    pub async fn unmatched(&self, kind: &str) -> Vec<Value> {
        let items = self.scan("MessagesTable").await.into_iter();
        let unmatched =
            items.filter(|item| item["id"]["S"].as_str().unwrap().starts_with(&format!("unmatched#{kind}#")));
        unmatched.map(|item| serde_json::from_str(item["payload"]["S"].as_str().unwrap()).unwrap()).collect()
    }
}
