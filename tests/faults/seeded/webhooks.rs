//! What carriers have to bring in a seed: what the network says by itself, what the
//! seed lets it say of messages to silent phones, and what phones write. Each thing is
//! brought in any order, and up to five times.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    domain::{Keyword, ReceiptStatus},
    runtime::Random,
};
use tests::system::answer;

use super::{clients::Client, one_of};
use crate::{
    proxy::{Proxy, Submit, WebhookRequest},
    stage::Stage,
};

/// What the network may come to say of a submit.
const RECEIPT_SEQUENCES: [&[ReceiptStatus]; 7] = {
    use ReceiptStatus::{Delivered, Read, Sent, Undelivered};
    [&[], &[Sent], &[Delivered], &[Sent, Delivered], &[Sent, Delivered, Read], &[Undelivered], &[Sent, Undelivered]]
};
const MAX_DELIVERIES: usize = 5;

#[derive(Default)]
pub struct PendingWebhooks {
    items: Vec<Item>,
    /// Of each submit that was seen, in their order, what is said of it.
    pub submits: Vec<(Submit, &'static [ReceiptStatus])>,
    pub phone_replies: Vec<PhoneReply>,
}

struct Item {
    webhook: WebhookRequest,
    /// Which of those that were said it is.
    reply_index: Option<usize>,
    deliveries_left: usize,
}

/// What a phone wrote to a sender.
pub struct PhoneReply {
    pub number: String,
    pub sender: String,
    pub keyword: Option<Keyword>,
    pub at: Timestamp,
    /// How many invocations had begun then, and when the gateway had first answered
    /// that it took it.
    pub invocations_before: usize,
    pub accepted_after: Option<usize>,
}

impl PendingWebhooks {
    /// Takes over what has come, and lets the network say of new submits what it will.
    pub fn collect(&mut self, proxy: &Proxy, random: &Random, is_silent: impl Fn(&str) -> bool) {
        while let Some(webhook) = proxy.next_webhook() {
            self.add(random, webhook, None);
        }
        for submit in proxy.submits().split_off(self.submits.len()) {
            let statuses = if is_silent(&submit.to) { one_of(random, &RECEIPT_SEQUENCES) } else { &[] };
            for status in statuses {
                self.add(random, submit.receipt(*status), None);
            }
            self.submits.push((submit, statuses));
        }
    }

    fn add(&mut self, random: &Random, webhook: WebhookRequest, reply_index: Option<usize>) {
        self.items.push(Item { webhook, reply_index, deliveries_left: 1 + random.index(MAX_DELIVERIES) });
    }

    /// The phone that such a client wrote to answers what it shows. Says whether it
    /// could.
    pub async fn send_reply(&mut self, stage: &mut Stage, random: &Random, client: &Client) -> bool {
        let index = random.index(client.scenario.messages);
        let number = client.scenario.number(index);
        let shown = stage.system.handset(&number).await;
        // Earlier seeds wrote to it, too.
        let of_this = |shown: &&Value| client.log.texts.contains(shown["text"].as_str().unwrap());
        let Some(shown) = shown.iter().rfind(of_this) else { return false };
        // At one carrier, what is equal within a second is the same.
        stage.advance(Duration::from_secs(1)).await;
        let keyword = one_of(random, &[None, Some(Keyword::Stop), Some(Keyword::Stop), Some(Keyword::Start)]);
        let text = keyword.map_or("Yes please", <&str>::from);
        let (invocations_before, count, at) = (stage.proxy.invocations(), stage.proxy.webhook_count(), stage.now());
        let reply = stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
        if !answer(reply.json(&json!({"to": shown["from"], "text": text}))).await.status.is_success() {
            return false;
        }
        stage.until_webhooks(count + 1).await;
        let webhook = std::iter::from_fn(|| stage.proxy.next_webhook()).collect::<Vec<_>>();
        let sender = shown["from"].as_str().unwrap().to_owned();
        for webhook in webhook {
            let reply_index = webhook.is_reply().then_some(self.phone_replies.len());
            self.add(random, webhook, reply_index);
        }
        self.phone_replies.push(PhoneReply { number, sender, keyword, at, invocations_before, accepted_after: None });
        true
    }

    /// Anything that is to be brought.
    pub fn pick(&self, random: &Random) -> Option<(usize, WebhookRequest)> {
        let left: Vec<_> = self.items.iter().enumerate().filter(|(_, item)| item.deliveries_left > 0).collect();
        let (index, item) = left.get(random.index(left.len().max(1)))?;
        Some((*index, item.webhook.clone()))
    }

    /// It was taken, when so many invocations had begun.
    pub fn record_delivery(&mut self, index: usize, invocations: usize) {
        let item = &mut self.items[index];
        item.deliveries_left = item.deliveries_left.saturating_sub(1);
        if let Some(reply_index) = item.reply_index {
            self.phone_replies[reply_index].accepted_after.get_or_insert(invocations);
        }
    }

    pub fn reply_count(&self) -> usize {
        self.phone_replies.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.iter().all(|item| item.deliveries_left == 0)
    }
}
