//! The embedded SQS's queues, whose timers the emulator's clock can move. We also correct the engine's
//! backend where it differs from SQS: a repeated delete succeeds, a move task moves messages, a message that
//! becomes visible again is counted, and queues are fair. Queue URLs point to this emulator.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use url::Url;
use winterbaume_sqs::state::{QueueState, SqsError, SqsState};
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsStateView, StateViewError};

use super::clock::EmulatorClock;
use super::fairness::Fairness;
use super::queue_changes::QueueChanges;

/// The engine concatenates four UUIDs.
const RECEIPT_HANDLE_LENGTH: usize = 4 * 36;

type EngineResult<T> = Pin<Box<dyn Future<Output = Result<T, SqsError>> + Send>>;
type StringMap = HashMap<String, String>;

#[derive(Default)]
struct State {
    engine: SqsState,
    fairness: Fairness,
}

#[derive(Clone)]
pub(super) struct Queues {
    state: Arc<Mutex<State>>,
    changed: Arc<QueueChanges>,
    clock: Arc<EmulatorClock>,
    url: Url,
}

impl Queues {
    pub(super) fn new(url: Url, clock: Arc<EmulatorClock>) -> Self {
        Self { state: Arc::default(), changed: Arc::default(), clock, url }
    }

    /// Subscribes to changes that may make a message of the queue visible at once.
    pub(super) fn changes(&self, queue_name: &str) -> watch::Receiver<()> {
        self.changed.subscribe(queue_name)
    }

    /// Returns how long a receive from the queue waits by default.
    pub(super) async fn wait(&self, queue_name: &str) -> Duration {
        let state = self.state.lock().await;
        let queue = state.engine.queues.get(queue_name);
        Duration::from_secs(queue.map_or(0, |q| q.queue.receive_wait_time_seconds.into()))
    }

    /// Shortens delays and visibility timeouts by `seconds`.
    pub(super) async fn advance(&self, seconds: i64) {
        let by_ms = seconds * 1000;
        let mut state = self.state.lock().await;
        for queue in state.engine.queues.values_mut() {
            for message in &mut queue.messages {
                message.visible_at -= by_ms;
                message.sent_timestamp -= by_ms;
                if let Some(first) = &mut message.approximate_first_receive_timestamp {
                    *first -= by_ms;
                }
            }
        }
        self.changed.notify_all();
    }

    fn apply<T: 'static>(
        &self,
        change: impl FnOnce(&mut State, i64) -> Result<T, SqsError> + Send + 'static,
    ) -> EngineResult<T> {
        let queues = self.clone();
        Box::pin(async move { change(&mut *queues.state.lock().await, queues.now_ms()) })
    }

    /// Applies a change, then notifies the queue's receivers, or all receivers if no queue is named.
    fn apply_and_notify<T: 'static>(
        &self,
        queue_name: Option<String>,
        change: impl FnOnce(&mut State, i64) -> Result<T, SqsError> + Send + 'static,
    ) -> EngineResult<T> {
        let (applied, changed) = (self.apply(change), Arc::clone(&self.changed));
        Box::pin(async move {
            let applied = applied.await;
            match queue_name {
                Some(queue_name) => changed.notify(&queue_name),
                None => changed.notify_all(),
            }
            applied
        })
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Receives messages, those of quiet groups first.
    async fn receive(
        &self,
        queue_name: &str,
        most: usize,
        visibility_timeout: Option<u32>,
    ) -> Result<Vec<Message>, SqsError> {
        let State { engine, fairness } = &mut *self.state.lock().await;
        let now_ms = self.now_ms();
        let queue = engine.queues.get_mut(queue_name).ok_or(SqsError::NonExistentQueue)?;
        let visibility = visibility_timeout.unwrap_or(queue.queue.visibility_timeout);
        fairness.order(queue_name, queue, most, Timestamp::now().as_millisecond(), now_ms);
        let before = queue.messages.len();
        let received = engine.receive_message(queue_name, most, visibility_timeout)?;
        let is_moved = engine.queues.get(queue_name).is_some_and(|queue| queue.messages.len() < before);
        if is_moved {
            // To the dead-letter queue.
            fairness.recount(engine);
        }
        fairness.received(queue_name, &received, visibility, now_ms);
        Ok(received)
    }
}

/// Converts timestamps from the machine's time, which the engine uses, to the emulator's.
fn in_emulator_time(mut message: Message, clock: &EmulatorClock) -> Message {
    let ahead_ms = clock.advanced_seconds() * 1000;
    message.sent_timestamp += ahead_ms;
    if let Some(first) = &mut message.approximate_first_receive_timestamp {
        *first += ahead_ms;
    }
    message
}

fn attributes(state: &SqsState, queue_name: &str) -> Result<StringMap, SqsError> {
    let mut attributes = state.get_queue_attributes(queue_name)?;
    if let Some(queue) = state.queues.get(queue_name) {
        let visible = queue.messages.iter().filter(|m| m.is_visible()).count();
        attributes.insert("ApproximateNumberOfMessages".into(), visible.to_string());
    }
    Ok(attributes)
}

fn delete(state: &mut SqsState, queue_name: &str, handle: &str) -> Result<(), SqsError> {
    let deleted = match state.delete_message(queue_name, handle) {
        Err(SqsError::InvalidReceiptHandle { .. }) if handle.len() == RECEIPT_HANDLE_LENGTH => Ok(()),
        deleted => deleted,
    };
    if let Some(queue) = state.queues.get_mut(queue_name) {
        // The engine would keep these without bound, to recognize repeated deletes.
        queue.deleted_handles.clear();
    }
    deleted
}

/// Moves all messages from the dead-letter queue `source_arn` to `destination_arn`. Without a destination,
/// moves them to a queue whose dead-letter queue is `source_arn`.
fn redrive(
    state: &mut SqsState,
    source_arn: &str,
    destination_arn: Option<&str>,
    per_second: Option<i32>,
) -> Result<String, SqsError> {
    let task_handle = state.start_message_move_task(source_arn, destination_arn, per_second)?;
    let is_destination = |queue: &QueueState| match destination_arn {
        Some(arn) => queue.queue.arn == arn,
        None => queue.dead_letter_target_arn.as_deref() == Some(source_arn),
    };
    let destination = state.queues.iter().find(|(_, queue)| is_destination(queue)).map(|(name, _)| name.clone());
    let mut moved = Vec::new();
    if destination.is_some() {
        for queue in state.queues.values_mut() {
            if queue.queue.arn == source_arn {
                moved = std::mem::take(&mut queue.messages);
            }
        }
    }
    let count = i64::try_from(moved.len()).unwrap_or(i64::MAX);
    if let Some(destination) = destination.and_then(|name| state.queues.get_mut(&name)) {
        destination.messages.extend(moved.into_iter().map(as_unreceived));
    }
    for task in &mut state.message_move_tasks {
        if task.task_handle == task_handle {
            task.status = "COMPLETED".into();
            task.approximate_number_of_messages_moved = count;
            task.approximate_number_of_messages_to_move = Some(count);
        }
    }
    Ok(task_handle)
}

fn as_unreceived(message: Message) -> Message {
    Message {
        receipt_handle: None,
        all_receipt_handles: Vec::new(),
        approximate_first_receive_timestamp: None,
        approximate_receive_count: 0,
        visible_at: 0,
        ..message
    }
}

/// Implements backend methods that only use the engine's state.
macro_rules! on_state {
    ($($name:ident($($argument:ident: $type:ty),*) -> $output:ty = |$state:ident| $body:expr;)*) => {$(
        fn $name(&self, _: String, _: String, $($argument: $type),*) -> EngineResult<$output> {
            let queues = self.clone();
            Box::pin(async move {
                let $state = &mut queues.state.lock().await.engine;
                $body
            })
        }
    )*};
}

impl SqsBackend for Queues {
    fn create_queue(
        &self,
        account_id: String,
        region: String,
        name: String,
        attributes: StringMap,
        tags: Option<StringMap>,
    ) -> EngineResult<Queue> {
        let queues = self.clone();
        Box::pin(async move {
            let state = &mut queues.state.lock().await.engine;
            state.create_queue(&name, &region, &account_id, &attributes, tags.as_ref())?;
            let queue = state.queues.get_mut(&name).ok_or(SqsError::NonExistentQueue)?;
            queue.queue.url = format!("{}{account_id}/{name}", queues.url);
            Ok(queue.queue.clone())
        })
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        queue_name: String,
        max: usize,
        visibility_timeout: Option<u32>,
    ) -> EngineResult<Vec<Message>> {
        let queues = self.clone();
        Box::pin(async move {
            let received = queues.receive(&queue_name, max, visibility_timeout).await?;
            let in_emulator_time = |message| in_emulator_time(message, &queues.clock);
            Ok(received.into_iter().map(in_emulator_time).collect())
        })
    }

    fn send_message(
        &self,
        _: String,
        _: String,
        queue_name: String,
        body: String,
        delay_seconds: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        group: Option<String>,
        deduplication: Option<String>,
    ) -> EngineResult<SendMessageOutput> {
        self.apply_and_notify(Some(queue_name.clone()), move |State { engine, fairness }, now_ms| {
            let (group, deduplication) = (group.as_deref(), deduplication.as_deref());
            let sent = engine.send_message(&queue_name, &body, delay_seconds, attributes, group, deduplication)?;
            if let Some(group) = group {
                fairness.sent(&queue_name, &sent.message_id, group, now_ms);
            }
            Ok(SendMessageOutput { message_id: sent.message_id, body_md5: sent.body_md5 })
        })
    }

    fn change_message_visibility(
        &self,
        _: String,
        _: String,
        queue_name: String,
        handle: String,
        timeout: u32,
    ) -> EngineResult<()> {
        self.apply_and_notify(Some(queue_name.clone()), move |State { engine, fairness }, now_ms| {
            engine.change_message_visibility(&queue_name, &handle, timeout)?;
            fairness.visibility_changed(&queue_name, &handle, timeout, now_ms);
            Ok(())
        })
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        queue_name: String,
        entries: Vec<(String, String, u32)>,
    ) -> EngineResult<Vec<String>> {
        self.apply_and_notify(Some(queue_name.clone()), move |State { engine, fairness }, now_ms| {
            let changed = engine.change_message_visibility_batch(&queue_name, &entries)?;
            for (_, handle, timeout) in &entries {
                fairness.visibility_changed(&queue_name, handle, *timeout, now_ms);
            }
            Ok(changed)
        })
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source_arn: String,
        destination_arn: Option<String>,
        per_second: Option<i32>,
    ) -> EngineResult<String> {
        self.apply_and_notify(None, move |State { engine, fairness }, _| {
            let task = redrive(engine, &source_arn, destination_arn.as_deref(), per_second)?;
            fairness.recount(engine);
            Ok(task)
        })
    }

    fn delete_message(&self, _: String, _: String, queue_name: String, handle: String) -> EngineResult<()> {
        self.apply(move |State { engine, fairness }, now_ms| {
            delete(engine, &queue_name, &handle)?;
            fairness.deleted(&queue_name, &handle, now_ms);
            Ok(())
        })
    }

    fn purge_queue(&self, _: String, _: String, name: String) -> EngineResult<()> {
        self.apply(move |State { engine, fairness }, _| {
            engine.purge_queue(&name)?;
            fairness.recount(engine);
            Ok(())
        })
    }

    on_state! {
        delete_queue(name: String) -> () = |state| state.delete_queue(&name);
        get_queue_url(name: String) -> String =
            |state| state.get_queue_url(&name).map(str::to_owned);
        get_queue_attributes(name: String) -> StringMap = |state| attributes(state, &name);
        set_queue_attributes(name: String, attributes: StringMap) -> () =
            |state| state.set_queue_attributes(&name, &attributes);
        list_queues(prefix: Option<String>) -> Vec<Queue> =
            |state| Ok(state.list_queues(prefix.as_deref()).into_iter().cloned().collect());
        list_queue_tags(name: String) -> StringMap = |state| state.list_queue_tags(&name);
        tag_queue(name: String, tags: StringMap) -> () = |state| state.tag_queue(&name, &tags);
        untag_queue(name: String, keys: Vec<String>) -> () =
            |state| state.untag_queue(&name, &keys);
        add_permission(
            name: String,
            label: String,
            accounts: Vec<String>,
            actions: Vec<String>
        ) -> () = |state| state.add_permission(&name, &label, accounts, actions);
        remove_permission(name: String, label: String) -> () =
            |state| state.remove_permission(&name, &label);
        list_dead_letter_source_queues(name: String) -> Vec<String> =
            |state| state.list_dead_letter_source_queues(&name);
        cancel_message_move_task(task_handle: String) -> i64 =
            |state| state.cancel_message_move_task(&task_handle);
        list_message_move_tasks(source_arn: String) -> Vec<MessageMoveTask> =
            |state| Ok(state.list_message_move_tasks(&source_arn).into_iter().cloned().collect());
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn snapshot(&self, _: String, _: String) -> Pin<Box<dyn Future<Output = SqsStateView> + Send>> {
        let queues = self.clone();
        Box::pin(async move { SqsStateView::from(&queues.state.lock().await.engine) })
    }

    fn restore(&self, _: String, _: String, _: SqsStateView) -> Restored {
        no_restore()
    }

    fn merge(&self, _: String, _: String, _: SqsStateView) -> Restored {
        no_restore()
    }
}

type Restored = Pin<Box<dyn Future<Output = Result<(), StateViewError>> + Send>>;

fn no_restore() -> Restored {
    let refused = StateViewError::Invalid("these queues cannot be restored".into());
    Box::pin(std::future::ready(Err(refused)))
}
