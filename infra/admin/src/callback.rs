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
    output::{Report, time},
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
    let found = replay(&gateway, &account, &filter, |endpoint| disabled.contains(&endpoint), !yes).await?;
    let (what, withheld) = (in_words(found), withheld(&account.id, found));
    if !yes {
        return Err(Failure::Usage(format!(
            "replay sends {} the callbacks of {what} again, accepted or received from {}\n\
             until {}. Each event has the id that it had, so a client that keeps the ids\n\
             takes none twice.{withheld}\n\
             Run it again with --yes to do it.",
            account.id,
            time(filter.since),
            time(filter.until),
        )));
    }
    let json = json!({"messages": found.messages, "replies": found.replies, "withheld": found.withheld});
    Ok(Report::new(
        format!("the callbacks of {what} are enqueued, and delivered from half a minute on{withheld}"),
        &json,
    ))
}

/// What is for disabled endpoints, for the end of a sentence.
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
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let messages = count(found.messages, "message", "messages");
    format!("{messages} and {}", count(found.replies, "reply", "replies"))
}
