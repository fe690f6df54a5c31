//! `GET` and `POST {endpoint}/v3/webhooks`: the account's webhooks.
//!
//! We ask for retries with `retryOnError`; Mobile Text Alerts makes two. It never shows a webhook's secret, so for a
//! registered webhook we cannot tell whether it has our secret.

use std::collections::HashSet;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::Url;

use super::event::{DELIVERY_STATUS, MESSAGE_REPLY};
use crate::{
    formats::{caseless::Object, http::Answer, webhook_json::one_or_many},
    vendors::{Connection, WebhookCall, WebhookSetupError, WebhookTargets},
};

const PATH: [&str; 2] = ["v3", "webhooks"];
/// The most pages that we read. A page has 25 webhooks.
const MOST_PAGES: usize = 20;

pub(super) async fn plan(
    connection: &Connection<'_>,
    targets: &WebhookTargets<'_>,
) -> Result<Vec<WebhookCall>, WebhookSetupError> {
    let registered = registered(connection).await?;
    let webhooks = [(DELIVERY_STATUS, &targets.receipts), (MESSAGE_REPLY, &targets.replies)];
    let calls = webhooks.map(|(event, target)| WebhookCall {
        event,
        url: connection.url(&PATH),
        is_registered: registered.contains(&(event.to_owned(), target.url.clone())),
        others: registered.iter().filter(|(other, url)| other == event && *url != target.url).count(),
        shown_body: body(event, &target.shown, "…"),
        body: body(event, target.url.as_str(), targets.signing_secret),
    });
    Ok(calls.into())
}

fn body(event: &str, url: &str, secret: &str) -> Value {
    json!({"event": event, "url": url, "secret": secret, "retryOnError": true})
}

pub(super) async fn register(connection: &Connection<'_>, call: &WebhookCall) -> Result<(), WebhookSetupError> {
    let post = connection.post(&PATH).json(&call.body);
    answer(connection, post).await.map(|_| ())
}

/// Returns each registered webhook's event and address.
async fn registered(connection: &Connection<'_>) -> Result<HashSet<(String, Url)>, WebhookSetupError> {
    let mut found = HashSet::new();
    let mut read = 0;
    for page in 0..MOST_PAGES {
        let get = connection.get_with_query(&PATH, ("page", &page.to_string()));
        let body = answer(connection, get).await?.json::<Value>().ok_or(WebhookSetupError::Unreadable)?;
        let data = Object::of(&body).and_then(|body| body.object("data")).ok_or(WebhookSetupError::Unreadable)?;
        let rows = data.get("rows").map(one_or_many).ok_or(WebhookSetupError::Unreadable)?;
        found.extend(rows.iter().filter_map(|row| {
            let row = Object::of(row)?;
            Some((row.said("event")?, row.said("url")?.parse::<Url>().ok()?))
        }));
        read += rows.len() as u64;
        let total = data.get("total").and_then(Value::as_u64);
        if rows.is_empty() || total.is_none_or(|total| read >= total) {
            return Ok(found);
        }
    }
    Ok(found)
}

async fn answer(connection: &Connection<'_>, request: RequestBuilder) -> Result<Answer, WebhookSetupError> {
    let sent = request.bearer_auth(connection.credentials.key()).send().await;
    let answer = Answer::read(sent.map_err(|error| WebhookSetupError::no_answer(&error))?).await;
    if answer.status.is_success() { Ok(answer) } else { Err(WebhookSetupError::refused(&answer)) }
}
