//! `admin callback`: clients are told again what is on record.

use serde_json::json;
use shared::{
    flow::replay::{Replayed, Which, replay},
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
    let which = Which { since, until: until.unwrap_or_else(|| environment.clock.now()), url };
    if which.until <= which.since {
        return Err(Failure::Usage("--until is not after --since".to_owned()));
    }
    let account = account::existing(&connection.directory().await?, &account).await?;
    let urls = QueueUrls { callbacks: Some(connection.name(Resource::CallbacksQueue).await?), ..QueueUrls::default() };
    let gateway = connection.gateway(urls, environment).await?;
    let found = replay(&gateway, &account, &which, !yes).await?;
    let what = in_words(found);
    if !yes {
        return Err(Failure::Usage(format!(
            "replay tells {} again what is on record of {what}, accepted or come in from {}\n\
             until {}. The events bear the ids that they had, so that a client that knows\n\
             its ids takes none twice. An endpoint that is off gets none: see `admin endpoint list`.\n\
             Run it again with --yes to do it.",
            account.id,
            time(which.since),
            time(which.until),
        )));
    }
    let json = json!({"messages": found.messages, "replies": found.replies});
    Ok(Report::new(format!("the callbacks of {what} are enqueued"), &json))
}

fn in_words(found: Replayed) -> String {
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let messages = count(found.messages, "message", "messages");
    format!("{messages} and {}", count(found.replies, "reply", "replies"))
}
