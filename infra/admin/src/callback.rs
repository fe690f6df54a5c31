//! `admin callback`: sends the callbacks of stored messages and replies again.

use std::collections::HashSet;

use serde_json::json;
use shared::{
    domain::AccountId,
    flow::operator::replay_callbacks::{ReplayFilter, Replayed, replay},
    queue::QueueUrls,
    runtime::Environment,
};

use crate::{
    account,
    arguments::{CallbackCommand, CallbackReplay},
    connect::{Connection, Resource},
    failure::Failure,
    output::{Report, counted, time},
};

pub async fn run(
    command: CallbackCommand,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    let CallbackCommand::Replay(CallbackReplay { account, since, until, url, yes }) = command;
    let filter = ReplayFilter { since, until: until.unwrap_or_else(|| environment.clock.now()), url };
    if filter.until <= filter.since {
        return Err(Failure::Usage("--until is not after --since".to_owned()));
    }
    let directory = connection.directory().await?;
    let account = account::existing(&directory, &account).await?;
    let disabled =
        directory.all_health(Some(&account.id)).await?.into_iter().filter(|health| health.disabled.is_some());
    let disabled: HashSet<_> = disabled.map(|health| health.endpoint.id()).collect();
    let urls = QueueUrls { callbacks: Some(connection.name(Resource::CallbacksQueue).await?), ..QueueUrls::default() };
    let gateway = connection.gateway(urls, environment).await?;
    let webhooks = directory.latest_webhooks(&account.id).await?;
    let found = replay(&gateway, (&account, &webhooks), &filter, |endpoint| disabled.contains(&endpoint), !yes).await?;
    let counts = json!({"messages": found.messages, "replies": found.replies, "withheld": found.withheld});
    let (records, withheld) = (in_words(found), withheld(&account.id, found));
    if !yes {
        let words = format!(
            "replay would send {} the callbacks of {records} again, accepted or received from {}\n\
             until {}. Each event keeps its ID, so a client that deduplicates by event ID processes none\n\
             twice.{withheld}\n\
             Run it again with --yes to do so.",
            account.id,
            time(filter.since),
            time(filter.until),
        );
        return Err(Failure::Unconfirmed { words, counts });
    }
    Ok(Report::new(
        format!("the callbacks of {records} are enqueued, and delivered from half a minute on{withheld}"),
        &counts,
    ))
}

/// Returns a sentence about callbacks to disabled endpoints, if there are any.
fn withheld(account: &AccountId, found: Replayed) -> String {
    match found.withheld {
        0 => String::new(),
        count => format!(
            "\n{count} of them are for disabled endpoints, which get none: see `admin endpoint list --account {account}`,\n\
             and `admin endpoint enable {account} --all`."
        ),
    }
}

fn in_words(found: Replayed) -> String {
    let messages = counted(found.messages, "message", "messages");
    format!("{messages} and {}", counted(found.replies, "reply", "replies"))
}
