//! `admin message list`.

use serde_json::{Value, json};
use shared::{
    domain::{AccountId, CarrierName},
    flow::{
        Gateway,
        query::{self, Filter},
    },
    queue::QueueUrls,
    runtime::Environment,
    store::{Entry, Record},
};

use crate::{
    account,
    arguments::MessageList,
    connect::Connection,
    failure::Failure,
    output::{Report, or_dash, table, time},
};

/// Entries in a page of which we filter some.
const LARGEST_PAGE: usize = 1_000;

pub(super) async fn list(
    wanted: MessageList,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    let MessageList { to, sender, state, account, carrier, limit, reveal } = wanted;
    let gateway = connection.gateway(QueueUrls::default(), environment).await?;
    let directory = connection.directory().await?;
    let accounts = match &account {
        Some(id) => vec![account::existing(&directory, id).await?],
        None => directory.accounts().await?,
    };
    let filter = Filter { state, number: to, sender };
    let mut entries = Vec::new();
    for account in &accounts {
        entries.extend(newest(&gateway, &account.id, &filter, carrier, limit).await?);
    }
    entries.sort_by(|a, b| b.position.cmp(&a.position));
    entries.truncate(limit.into());
    let lines: Vec<_> = entries.iter().map(Line::from).collect();
    let shown: Vec<_> = lines.iter().map(|line| line.shown(reveal)).collect();
    let mut report = Report::new(lines_text(&lines, reveal), &json!({"messages": shown}));
    if filter.omits_names() {
        report = report.and("omits", vec!["messages_from_names"]);
        report = report.note("Messages from names are not searched by number alone. See --sender.");
    }
    Ok(if lines.len() == usize::from(limit) {
        report.note(format!("These are the newest {limit}; there may be more. See --limit."))
    } else {
        report
    })
}

/// Reads the list until enough entries match. A page may be empty and still have a next page.
async fn newest(
    gateway: &Gateway,
    account: &AccountId,
    filter: &Filter,
    carrier: Option<CarrierName>,
    limit: u16,
) -> Result<Vec<Entry>, Failure> {
    let (mut found, mut after) = (Vec::new(), None);
    let limit = usize::from(limit);
    loop {
        // We look for the carrier ourselves, so few entries of a page may match.
        let wanted = if carrier.is_some() { LARGEST_PAGE } else { limit - found.len() };
        let page = query::list(gateway, account, filter, after, u16::try_from(wanted).unwrap_or(u16::MAX)).await?;
        found.extend(page.entries.into_iter().filter(|entry| carrier.is_none_or(|carrier| went_to(entry, carrier))));
        after = page.next.filter(|_| found.len() < limit);
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// Returns whether the message went to the carrier, or may have gone there.
fn went_to(entry: &Entry, carrier: CarrierName) -> bool {
    let Record::Out(message) = &entry.record else { return false };
    let earlier = message.delivery.failed_attempts.iter().filter(|attempt| attempt.outcome.was_submitted());
    earlier.map(|attempt| attempt.carrier).chain([message.delivery.carrier]).any(|taker| taker == Some(carrier))
}

/// A message or reply in a list.
struct Line<'a> {
    id: String,
    direction: &'static str,
    account: &'a str,
    state: Option<&'static str>,
    channel: &'static str,
    carrier: Option<CarrierName>,
    sender: &'a str,
    number: &'a str,
    body: &'a str,
    at: String,
}

impl<'a> From<&'a Entry> for Line<'a> {
    fn from(entry: &'a Entry) -> Self {
        match &entry.record {
            Record::Out(message) => Self {
                id: message.id.to_string(),
                direction: "out",
                account: message.account.as_str(),
                state: Some(message.state().into_str()),
                channel: message.channel_reached().into_str(),
                carrier: message.carrier_reached(),
                sender: message.request.from.id.as_str(),
                number: message.request.to.digits(),
                body: message.request.text.as_str(),
                at: time(message.created_at),
            },
            Record::In(reply) => Self {
                id: reply.id.to_string(),
                direction: "in",
                account: reply.account.as_str(),
                state: None,
                channel: reply.channel.into_str(),
                carrier: None,
                sender: reply.to.as_str(),
                number: reply.from.as_str(),
                body: &reply.content.text,
                at: time(reply.at),
            },
        }
    }
}

impl Line<'_> {
    fn shown(&self, reveal: bool) -> Value {
        let mut shown = json!({
            "id": self.id,
            "direction": self.direction,
            "account": self.account,
            "state": self.state,
            "channel": self.channel,
            "carrier": self.carrier,
            "sender": self.sender,
            "created_at": self.at,
        });
        if reveal {
            shown["number"] = self.number.into();
            shown["body"] = self.body.into();
        }
        shown
    }
}

fn lines_text(lines: &[Line<'_>], reveal: bool) -> String {
    if lines.is_empty() {
        return "no messages\n".to_owned();
    }
    let row = |line: &Line<'_>| {
        let dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        [
            line.at.clone(),
            line.id.clone(),
            line.direction.to_owned(),
            dash(line.state),
            line.channel.to_owned(),
            or_dash(line.carrier.map(|carrier| carrier.to_string())),
            line.account.to_owned(),
            line.sender.to_owned(),
        ]
    };
    let headings = ["CREATED", "ID", "DIRECTION", "STATE", "CHANNEL", "CARRIER", "ACCOUNT", "SENDER"];
    if !reveal {
        return table(headings, &lines.iter().map(row).collect::<Vec<_>>());
    }
    let row = |line: &Line<'_>| {
        let [created, id, direction, state, channel, carrier, account, sender] = row(line);
        let (number, text) = (line.number.to_owned(), line.body.to_owned());
        [created, id, direction, state, channel, carrier, account, sender, number, text]
    };
    let [created, id, direction, state, channel, carrier, account, sender] = headings;
    let headings = [created, id, direction, state, channel, carrier, account, sender, "NUMBER", "TEXT"];
    table(headings, &lines.iter().map(row).collect::<Vec<_>>())
}
