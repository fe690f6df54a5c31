//! `admin unmatched`: receipts and replies without a matching message or account. Payloads hold numbers and
//! texts, so we show them only with `--reveal`.

use jiff::Timestamp;
use serde_json::json;
use shared::{
    domain::{Unmatched, UnmatchedKind},
    flow::operator::replay_unmatched::replay,
    runtime::Environment,
    store::UnmatchedStore,
};

use crate::{
    arguments::{UnmatchedCommand, UnmatchedList},
    connect::Connection,
    failure::Failure,
    output::{Report, or_dash, table, time},
};

pub async fn run(
    command: UnmatchedCommand,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    match command {
        UnmatchedCommand::List(which) => list(which, connection, environment).await,
        UnmatchedCommand::Replay => replay_all(connection, environment).await,
    }
}

async fn list(which: UnmatchedList, connection: &Connection, environment: &Environment) -> Result<Report, Failure> {
    let (store, now) = (connection.store().await?, environment.clock.now());
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (found, next) = store.list_unmatched(after).await?;
        all.extend(found);
        after = next;
        if after.is_none() {
            break;
        }
    }
    all.retain(|one| {
        which.kind.is_none_or(|kind| kind == one.id.kind)
            && which.carrier.is_none_or(|carrier| carrier == one.id.carrier)
            && one.kept_until() > now
    });
    all.sort_by_key(|one| (one.received_at, one.id.uuid));
    let shown: Vec<_> = all.iter().map(|one| shown(one, which.reveal, now)).collect();
    Ok(Report::new(text(&all, which.reveal, now), &json!({"unmatched": shown})))
}

fn text(all: &[Unmatched], reveal: bool, now: Timestamp) -> String {
    if all.is_empty() {
        return "no unmatched receipts or replies\n".to_owned();
    }
    let row = |one: &Unmatched| {
        let next = or_dash(one.next_retry(now).map(time));
        let (kind, carrier) = (one.id.kind.into_str().to_owned(), one.id.carrier.to_string());
        [kind, carrier, time(one.received_at), one.tries.to_string(), next, reason(one)]
    };
    let headings = ["KIND", "CARRIER", "SINCE", "TRIES", "NEXT RETRY", "REASON"];
    if !reveal {
        return table(headings, &all.iter().map(row).collect::<Vec<_>>());
    }
    let row = |one: &Unmatched| {
        let [kind, carrier, since, tries, next, reason] = row(one);
        [kind, carrier, since, tries, next, reason, one.index.to_string(), one.payload.clone()]
    };
    let [kind, carrier, since, tries, next, reason] = headings;
    let headings = [kind, carrier, since, tries, next, reason, "INDEX", "PAYLOAD"];
    table(headings, &all.iter().map(row).collect::<Vec<_>>())
}

fn reason(one: &Unmatched) -> String {
    match (one.id.kind, &one.unknown_status) {
        (UnmatchedKind::Receipt, Some(status)) => format!("unknown status {status}"),
        (UnmatchedKind::Receipt, None) => "matches no message".to_owned(),
        (UnmatchedKind::Reply, _) => "matches no account".to_owned(),
    }
}

fn shown(one: &Unmatched, reveal: bool, now: Timestamp) -> serde_json::Value {
    let mut shown = json!({
        "id": one.id.uuid,
        "kind": one.id.kind,
        "carrier": one.id.carrier,
        "since": time(one.received_at),
        "until": time(one.kept_until()),
        "tries": one.tries,
        "next_try": one.next_retry(now).map(time),
        "reason": reason(one),
    });
    if reveal {
        shown["payload"] = one.payload.as_str().into();
        shown["index"] = one.index.into();
        shown["submit"] = json!(one.submit.map(|submit| submit.to_string()));
    }
    shown
}

async fn replay_all(connection: &Connection, environment: &Environment) -> Result<Report, Failure> {
    let urls = connection.job_queues().await?;
    let gateway = connection.gateway(urls, environment).await?;
    let replaying = replay(&gateway).await?;
    let report = Report::new(format!("{replaying} enqueued"), &json!({"replaying": replaying}));
    Ok(report.note("`admin unmatched list` shows those that remain after the retry."))
}
