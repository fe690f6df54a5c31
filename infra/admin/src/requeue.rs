//! `admin requeue`: messages that have lost their job get another.

use serde_json::json;
use shared::{flow::operator::requeue::requeue, queue::QueueUrls, runtime::Environment};

use crate::{
    arguments::RequeueCommand,
    connect::{Connection, Resource},
    failure::Failure,
    output::Report,
};

const WHAT: &str = "\
requeue reads the whole table of messages and enqueues every one that is queued or was being sent.
It is for when the queue of jobs was lost or purged. A message that has its job still is not sent
twice. But one whose client was answered with an error, because its job could not be enqueued, is
sent too, if it had been written: that client may have sent it by another way since.
Run it again with --yes to do it.";

pub async fn run(
    command: RequeueCommand,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    if !command.yes {
        return Err(Failure::Usage(WHAT.to_owned()));
    }
    let urls = QueueUrls { jobs: Some(connection.name(Resource::JobsQueue).await?), ..QueueUrls::default() };
    let gateway = connection.gateway(urls, environment).await?;
    let enqueued = requeue(&gateway).await?;
    Ok(Report::new(format!("{enqueued} enqueued"), &json!({"enqueued": enqueued})))
}
