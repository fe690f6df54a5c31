//! `admin dead-letters`: lists jobs and callbacks that failed too often, and moves them back to their queue.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use shared::queue::{CallbackJob, Job, Subject};

use crate::{
    arguments::{DeadLettersCommand, DeadQueue},
    connect::{Connection, Resource},
    failure::Failure,
    output::{Report, escaped, or_dash, table, time},
};

/// Visibility timeout while we list entries. We reset the timeout at once, unless we are interrupted.
const LOOK_SECONDS: i32 = 10;

impl DeadQueue {
    /// Returns the dead-letter queue, and the queue its entries came from.
    fn resources(self) -> (Resource, Resource) {
        match self {
            Self::UrgentJobs => (Resource::UrgentJobsDeadLetters, Resource::UrgentJobsQueue),
            Self::Jobs => (Resource::JobsDeadLetters, Resource::JobsQueue),
            Self::BulkJobs => (Resource::BulkJobsDeadLetters, Resource::BulkJobsQueue),
            Self::SendSlots => (Resource::SendSlotsDeadLetters, Resource::SendSlotsQueue),
            Self::Callbacks => (Resource::CallbacksDeadLetters, Resource::CallbacksQueue),
        }
    }
}

#[derive(Serialize)]
struct Shown {
    queue: &'static str,
    waiting: u64,
    /// At most ten.
    letters: Vec<Letter>,
    replay: Option<Replay>,
}

#[derive(Serialize)]
struct Letter {
    since: Option<String>,
    /// A job (`submit`, `failed-submit`, `unmatched`, `deal`), a callback about a `state`, `reply` or
    /// `endpoint-disabled`, or `unreadable`.
    r#type: &'static str,
    /// The ID of the message, reply, unmatched item or endpoint; or the sender.
    subject: Option<String>,
    state: Option<&'static str>,
}

/// The most recent replay.
#[derive(Serialize)]
struct Replay {
    status: Option<String>,
    moved: i64,
    failure: Option<String>,
}

pub async fn run(command: DeadLettersCommand, connection: &Connection) -> Result<Report, Failure> {
    match command {
        DeadLettersCommand::List => list(connection).await,
        DeadLettersCommand::Replay { queue } => replay(connection, queue).await,
    }
}

async fn list(connection: &Connection) -> Result<Report, Failure> {
    let sqs = connection.sqs();
    let (mut shown, mut notes) = (Vec::new(), Vec::new());
    for &queue in DeadQueue::value_variants() {
        let url = connection.name(queue.resources().0).await?;
        let (arn, waiting) = look_at(&sqs, &url).await?;
        // We still show the entries if the credentials do not allow listing replays.
        let replay = newest_replay(&sqs, &arn).await.unwrap_or_else(|failure| {
            notes.push(format!("could not read the last replay of {}: {failure}", queue.into_str()));
            None
        });
        let running = replay.as_ref().is_some_and(|replay| replay.status.as_deref() == Some("RUNNING"));
        // Receiving entries hides them for a moment, and a running replay would skip them.
        let letters = if waiting == 0 || running { Vec::new() } else { peek(&sqs, &url).await? };
        shown.push(Shown { queue: queue.into_str(), waiting, letters, replay });
    }
    let text = shown.iter().map(lines).collect::<Vec<_>>().join("\n");
    Ok(notes.into_iter().fold(Report::new(text, &json!({"dead_letters": shown})), Report::note))
}

async fn replay(connection: &Connection, queue: DeadQueue) -> Result<Report, Failure> {
    let sqs = connection.sqs();
    let (from, to) = queue.resources();
    let (source, waiting) = look_at(&sqs, &connection.name(from).await?).await?;
    if waiting > 0 {
        let (destination, _) = look_at(&sqs, &connection.name(to).await?).await?;
        // SQS knows no source queue for dead letters that the gateway itself sent, so we name a destination.
        let task = sqs.start_message_move_task().source_arn(source).destination_arn(destination);
        task.send().await.map_err(Failure::failed("starting the replay"))?;
    }
    let report = Report::new("", &json!({"queue": queue.into_str(), "replaying": waiting}));
    Ok(report.note(match waiting {
        0 => format!("There are no dead letters of {}; nothing was changed.", queue.into_str()),
        _ => format!(
            "Moving about {waiting} dead letters of {} back to their queue. `admin dead-letters list` shows the progress.",
            queue.into_str()
        ),
    }))
}

fn lines(shown: &Shown) -> String {
    let replay = shown.replay.as_ref().map(|replay| {
        let failure = replay.failure.as_ref().map(|failure| format!(": {}", escaped(failure))).unwrap_or_default();
        format!("; the last replay: {}, {} moved{failure}", or_dash(replay.status.clone()), replay.moved)
    });
    let head = format!("{}: {} waiting{}\n", shown.queue, shown.waiting, replay.unwrap_or_default());
    if shown.letters.is_empty() {
        return head;
    }
    let row = |letter: &Letter| {
        let state = letter.state.map(str::to_owned);
        [or_dash(letter.since.clone()), letter.r#type.to_owned(), or_dash(letter.subject.clone()), or_dash(state)]
    };
    head + &table(["SINCE", "TYPE", "SUBJECT", "STATE"], &shown.letters.iter().map(row).collect::<Vec<_>>())
}

/// Returns a queue's ARN and approximate length.
async fn look_at(sqs: &aws_sdk_sqs::Client, url: &str) -> Result<(String, u64), Failure> {
    let waiting = QueueAttributeName::ApproximateNumberOfMessages;
    let request = sqs.get_queue_attributes().queue_url(url);
    let request = request.attribute_names(QueueAttributeName::QueueArn).attribute_names(waiting.clone());
    let answer = request.send().await.map_err(Failure::failed("reading the length of a queue"))?;
    let attributes: HashMap<_, _> = answer.attributes.unwrap_or_default();
    let arn = attributes.get(&QueueAttributeName::QueueArn).cloned();
    let arn = arn.ok_or_else(|| Failure::Refused(format!("the queue at {url} has no ARN")))?;
    Ok((arn, attributes.get(&waiting).and_then(|count| count.parse().ok()).unwrap_or_default()))
}

async fn newest_replay(sqs: &aws_sdk_sqs::Client, arn: &str) -> Result<Option<Replay>, Failure> {
    let answer = sqs.list_message_move_tasks().source_arn(arn).max_results(1).send().await;
    let answer = answer.map_err(Failure::failed("listing replays"))?;
    Ok(answer.results().first().map(|task| Replay {
        status: task.status().map(str::to_owned),
        moved: task.approximate_number_of_messages_moved(),
        failure: task.failure_reason().map(str::to_owned),
    }))
}

/// Receives up to ten entries, and releases them at once.
async fn peek(sqs: &aws_sdk_sqs::Client, url: &str) -> Result<Vec<Letter>, Failure> {
    let request = sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(LOOK_SECONDS);
    let request = request.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
    let received = request.send().await.map_err(Failure::failed("reading dead letters"))?;
    let put_back = |(index, message): (usize, &Message)| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string()).visibility_timeout(0);
        entry.set_receipt_handle(message.receipt_handle.clone()).build().ok()
    };
    let entries: Vec<_> = received.messages().iter().enumerate().filter_map(put_back).collect();
    if !entries.is_empty() {
        let request = sqs.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        request.send().await.map_err(Failure::failed("releasing dead letters"))?;
    }
    Ok(received.messages().iter().map(letter).collect())
}

fn letter(message: &Message) -> Letter {
    let sent = message.attributes().and_then(|attributes| attributes.get(&MessageSystemAttributeName::SentTimestamp));
    let since = sent.and_then(|sent| sent.parse().ok()).and_then(|sent| Timestamp::from_millisecond(sent).ok());
    let body = message.body().unwrap_or_default();
    let (r#type, subject, state) = match Job::read(body) {
        Ok(Job::Submit { message }) => ("submit", Some(message.to_string()), None),
        Ok(Job::Unmatched(unmatched)) => ("unmatched", Some(unmatched.uuid.to_string()), None),
        Ok(Job::Deal(deal)) => ("deal", Some(deal.sender.to_string()), None),
        Ok(Job::ChannelFailed(failed)) => ("failed-submit", Some(failed.message.to_string()), None),
        Err(_) => match CallbackJob::read(body).map(|job| job.subject) {
            Ok(Subject::State { message, state }) => ("state", Some(message.to_string()), Some(state.into_str())),
            Ok(Subject::Reply { reply }) => ("reply", Some(reply.to_string()), None),
            Ok(Subject::EndpointDisabled { endpoint, .. }) => ("endpoint-disabled", Some(endpoint.to_string()), None),
            Err(_) => ("unreadable", None, None),
        },
    };
    Letter { since: since.map(time), r#type, subject, state }
}
