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

use super::{crowd::Client, one_of};
use crate::{
    proxy::{Proxy, Submit, WebhookRequest},
    stage::Stage,
};

/// What the network may come to say of a submit.
const FATES: [&[ReceiptStatus]; 7] = {
    use ReceiptStatus::{Delivered, Read, Sent, Undelivered};
    [&[], &[Sent], &[Delivered], &[Sent, Delivered], &[Sent, Delivered, Read], &[Undelivered], &[Sent, Undelivered]]
};
const MOST_TIMES: usize = 5;

#[derive(Default)]
pub struct PendingWebhooks {
    items: Vec<Item>,
    /// Of each submit that was seen, in their order, what is said of it.
    pub fates: Vec<(Submit, &'static [ReceiptStatus])>,
    pub said: Vec<Said>,
}

struct Item {
    webhook: WebhookRequest,
    /// Which of those that were said it is.
    said: Option<usize>,
    times: usize,
}

/// What a phone wrote to a sender.
pub struct Said {
    pub number: String,
    pub sender: String,
    pub keyword: Option<Keyword>,
    pub at: Timestamp,
    /// How many invocations had begun then, and when the gateway had first answered
    /// that it took it.
    pub before: usize,
    pub taken: Option<usize>,
}

impl PendingWebhooks {
    /// Takes over what has come, and lets the network say of new submits what it will.
    pub fn collect(&mut self, proxy: &Proxy, chance: &Random, is_silent: impl Fn(&str) -> bool) {
        while let Some(webhook) = proxy.next_webhook() {
            self.put(chance, webhook, None);
        }
        for submit in proxy.submits().split_off(self.fates.len()) {
            let fate = if is_silent(&submit.to) { one_of(chance, &FATES) } else { &[] };
            for status in fate {
                self.put(chance, submit.receipt(*status), None);
            }
            self.fates.push((submit, fate));
        }
    }

    fn put(&mut self, chance: &Random, webhook: WebhookRequest, said: Option<usize>) {
        self.items.push(Item { webhook, said, times: 1 + chance.index(MOST_TIMES) });
    }

    /// The phone that such a client wrote to answers what it shows. Says whether it
    /// could.
    pub async fn say(&mut self, stage: &mut Stage, chance: &Random, client: &Client) -> bool {
        let place = chance.index(client.scenario.messages);
        let number = client.scenario.number(place);
        let shown = stage.system.handset(&number).await;
        // Earlier seeds wrote to it, too.
        let of_this = |shown: &&Value| client.log.texts.contains(shown["text"].as_str().unwrap());
        let Some(shown) = shown.iter().rfind(of_this) else { return false };
        // At one carrier, what is equal within a second is the same.
        stage.advance(Duration::from_secs(1)).await;
        let keyword = one_of(chance, &[None, Some(Keyword::Stop), Some(Keyword::Stop), Some(Keyword::Start)]);
        let text = keyword.map_or("Yes please", Keyword::as_str);
        let (before, count, at) = (stage.proxy.invocations(), stage.proxy.webhook_count(), stage.now());
        let reply = stage.system.request(Method::POST, &format!("/handsets/{number}/replies"));
        if !answer(reply.json(&json!({"to": shown["from"], "text": text}))).await.status.is_success() {
            return false;
        }
        stage.until_webhooks(count + 1).await;
        let webhook = std::iter::from_fn(|| stage.proxy.next_webhook()).collect::<Vec<_>>();
        let sender = shown["from"].as_str().unwrap().to_owned();
        for webhook in webhook {
            let said = webhook.is_reply().then_some(self.said.len());
            self.put(chance, webhook, said);
        }
        self.said.push(Said { number, sender, keyword, at, before, taken: None });
        true
    }

    /// Anything that is to be brought.
    pub fn any(&self, chance: &Random) -> Option<(usize, WebhookRequest)> {
        let left: Vec<_> = self.items.iter().enumerate().filter(|(_, item)| item.times > 0).collect();
        let (place, item) = left.get(chance.index(left.len().max(1)))?;
        Some((*place, item.webhook.clone()))
    }

    /// It was taken, when so many invocations had begun.
    pub fn taken(&mut self, place: usize, invocations: usize) {
        let item = &mut self.items[place];
        item.times = item.times.saturating_sub(1);
        if let Some(said) = item.said {
            self.said[said].taken.get_or_insert(invocations);
        }
    }

    pub fn replies(&self) -> usize {
        self.said.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.iter().all(|item| item.times == 0)
    }
}
