//! `admin requeue`: enqueues unfinished messages whose jobs were lost.

use serde_json::json;
use shared::{flow::operator::requeue, runtime::Environment};

use crate::{
    arguments::RequeueCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, counted},
};

const EXPLANATION: &str = "\
Requeue reads the whole table of messages and enqueues every message that is queued or was being sent.
It is meant for when the job queue was lost or purged. A message that still has its job is not sent
twice. But a message is sent, too, if its client got an error because its job could not be enqueued:
the client may have sent it by another way since.";

pub async fn run(
    command: RequeueCommand,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    let urls = connection.job_queues().await?;
    let gateway = connection.gateway(urls, environment).await?;
    if !command.yes {
        let found = requeue::count(&gateway).await?;
        let messages = counted(found, "message", "messages");
        return Err(Failure::Unconfirmed {
            words: format!("{EXPLANATION}\nIt would enqueue {messages}. Run it again with --yes to do so."),
            counts: json!({"messages": found}),
        });
    }
    let enqueued = requeue::requeue(&gateway).await?;
    Ok(Report::new(format!("{enqueued} enqueued"), &json!({"enqueued": enqueued})))
}
