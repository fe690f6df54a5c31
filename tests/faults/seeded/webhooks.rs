//! The pending webhooks of a seeded run: the network's receipts, the seed's receipts for silent phones, and
//! replies. They are delivered in any order, each one to five times.

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

const RECEIPT_SEQUENCES: [&[ReceiptStatus]; 7] = {
    use ReceiptStatus::{Delivered, Read, Sent, Undelivered};
    [&[], &[Sent], &[Delivered], &[Sent, Delivered], &[Sent, Delivered, Read], &[Undelivered], &[Sent, Undelivered]]
};
const MAX_DELIVERIES: usize = 5;

#[derive(Default)]
pub struct PendingWebhooks {
    items: Vec<Item>,
    /// Every submit so far, in order, with its receipts from the seed.
    pub submits: Vec<(Submit, &'static [ReceiptStatus])>,
    pub phone_replies: Vec<PhoneReply>,
}

struct Item {
    webhook: WebhookRequest,
    /// Index in `phone_replies`, if the webhook is a reply.
    reply_index: Option<usize>,
    deliveries_left: usize,
}

pub struct PhoneReply {
    pub number: String,
    pub sender: String,
    pub keyword: Option<Keyword>,
    pub at: Timestamp,
    /// Number of invocations when the phone wrote the reply.
    pub invocations_before: usize,
    /// Number of invocations when the gateway first accepted the reply.
    pub accepted_after: Option<usize>,
}

impl PendingWebhooks {
    /// Collects the proxy's webhooks, and chooses the receipts for new submits.
    pub fn collect(&mut self, proxy: &Proxy, random: &Random, is_silent: impl Fn(&str) -> bool) {
        while let Some(webhook) = proxy.next_webhook() {
            self.add(random, webhook, None);
        }
        for submit in proxy.submits().split_off(self.submits.len()) {
            let mut sequences = RECEIPT_SEQUENCES.to_vec();
            sequences.retain(|statuses| statuses.iter().all(|status| submit.reports(*status)));
            let statuses = if is_silent(&submit.to) { one_of(random, &sequences) } else { &[] };
            for status in statuses {
                self.add(random, submit.receipt(*status), None);
            }
            self.submits.push((submit, statuses));
        }
    }

    fn add(&mut self, random: &Random, webhook: WebhookRequest, reply_index: Option<usize>) {
        self.items.push(Item { webhook, reply_index, deliveries_left: 1 + random.index(MAX_DELIVERIES) });
    }

    /// Lets a phone reply to the client's last message. Returns false if it has none, or did not reply.
    pub async fn send_reply(&mut self, stage: &mut Stage, random: &Random, client: &Client) -> bool {
        let index = random.index(client.scenario.messages);
        let number = client.scenario.number(index);
        let shown = stage.system.handset(&number).await;
        // The phone also shows messages from earlier seeds.
        let of_this = |shown: &&Value| client.log.texts.contains(shown["text"].as_str().unwrap());
        let Some(shown) = shown.iter().rfind(of_this) else { return false };
        // CM.com's replies have no ID, and times in seconds.
        stage.advance(Duration::from_secs(1)).await;
        let keyword = one_of(random, &[None, Some(Keyword::Stop), Some(Keyword::Stop), Some(Keyword::Start)]);
        let text = keyword.map_or("Yes please", <&str>::from);
        let (invocations_before, count, at) = (stage.proxy.invocations(), stage.proxy.webhook_count(), stage.now());
        let reply = stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
        let photo = json!({"url": format!("https://media.example/{}.jpg", self.phone_replies.len())});
        let said = json!({"to": shown["from"], "text": text, "media": [photo]});
        if !answer(reply.json(&said)).await.status.is_success() {
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

    pub fn pick(&self, random: &Random) -> Option<(usize, WebhookRequest)> {
        let left: Vec<_> = self.items.iter().enumerate().filter(|(_, item)| item.deliveries_left > 0).collect();
        let (index, item) = left.get(random.index(left.len().max(1)))?;
        Some((*index, item.webhook.clone()))
    }

    /// Records a successful delivery, after `invocations` invocations.
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
