//! `admin requeue`: messages that have lost their job get another.

use serde_json::json;
use shared::{
    domain::SegmentLimit,
    flow::{Gateway, requeue::requeue},
    queue::{QueueUrls, SqsQueue},
    runtime::{Environment, Settings},
};

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
    let store = connection.store().await?;
    let gateway = Gateway {
        store,
        queue: SqsQueue::new(connection.sqs(), urls),
        clock: environment.clock.clone(),
        random: environment.random.clone(),
        settings: Settings { segment_limit: SegmentLimit::default(), retention_days: 90 },
        metrics: environment.metrics.clone(),
    };
    let enqueued = requeue(&gateway).await?;
    Ok(Report::new(format!("{enqueued} enqueued"), &json!({"enqueued": enqueued})))
}
