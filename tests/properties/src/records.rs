//! Records from an older release, or from a newer release after a rollback: jobs in the queues, items in
//! the tables, the carriers' secret. A readable record that the gateway writes is written back
//! alike, and all methods of a message return. An error is short and holds no phone number, because errors
//! are logged.

use std::{fmt::Debug, sync::LazyLock};

use serde_json::Value;
use shared::{
    domain::{
        AccountId, ApiKeyHash, CallbackUrl, CarrierName, Dialect, Message, MessageId, PhoneNumber, Receipts, Reply,
        ReplyId, SenderId, State, Timestamp, UnmatchedId, UnmatchedKind,
    },
    queue::{CallbackJob, Job, JobError},
    store::{DirectoryStore, Freshness, Messages, Recipients, SecretStore, SendSlotStore, StoreError, UnmatchedStore},
};
use strum::IntoEnumIterator;

use crate::{
    mutate::{self, Choices},
    store::Stores,
    words::{assert_bounded, assert_names_no_number},
};

thread_local! {
    static STORES: Stores = Stores::new();
}

/// Includes records as this release writes them.
macro_rules! records {
    ($($name:literal),* $(,)?) => { [$(include_str!(concat!("../../fixtures/records/", $name, ".json"))),*] };
}

static ITEMS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let items = records![
        "message",
        "message",
        "message",
        "message",
        "reply",
        "reply",
        "reply-from-name",
        "unmatched",
        "slots",
        "recipient",
        "account",
        "key-and-pool",
        "rates",
        "lanes",
        "exempt-and-keywords",
        "carrier",
        "routes",
    ];
    items.iter().map(|item| serde_json::from_str(item).unwrap_or_default()).collect()
});
static JOBS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let jobs = records!["job-submit", "job-failed", "job-unmatched", "job-deal", "callback-state", "callback-reply"];
    jobs.iter().map(|job| serde_json::from_str(job).unwrap_or_default()).collect()
});
static SECRETS: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(records!["secrets"][0]).unwrap_or_default());

/// Reads the bytes as each kind of record, and a mutated sample.
pub fn records(bytes: &[u8]) {
    jobs(&String::from_utf8_lossy(bytes));
    if let Ok(item @ Value::Object(_)) = serde_json::from_slice(bytes) {
        items(&item);
        secrets(&item.to_string());
    }
    let mut choices = Choices::of(bytes);
    match choices.below(8) {
        0 | 1 => {
            let job = choices.pick(&JOBS);
            jobs(&mutate::json(job, &mut choices).to_string());
        }
        2 => secrets(&mutate::json(&SECRETS, &mut choices).to_string()),
        _ => {
            let item = choices.pick(&ITEMS);
            items(&mutate::json(item, &mut choices));
        }
    }
}

fn jobs(payload: &str) {
    job(Job::read(payload), |job| Job::read(&job.write()));
    job(CallbackJob::read(payload), |job| CallbackJob::read(&job.write()));
    if let Ok(job) = CallbackJob::read(payload) {
        assert_eq!(job.clone().reset().subject.event_id(), job.subject.event_id());
    }
}

fn job<J: PartialEq + Debug>(read: Result<J, JobError>, again: impl Fn(&J) -> Result<J, JobError>) {
    match read {
        Ok(job) => assert!(again(&job).is_ok_and(|again| again == job), "{job:?} is read differently"),
        Err(error) => {
            assert_bounded(&error.to_string());
            assert_names_no_number(&error.to_string());
        }
    }
}

fn items(item: &Value) {
    STORES.with(|stores| {
        message(stores, item);
        reply(stores, item);
        unmatched(stores, item);
        send_slots(stores, item);
        recipient(stores, item);
        directory(stores, item);
    });
}

fn read<T>(read: Result<T, StoreError>) -> Option<T> {
    let error = match read {
        Ok(found) => return Some(found),
        Err(error) => error,
    };
    match &error {
        StoreError::Unreadable { .. } => {
            assert_bounded(&error.to_string());
            assert_names_no_number(&error.to_string());
        }
        // The AWS client rejects an answer that is not an item.
        StoreError::Unavailable { .. } => {}
    }
    None
}

fn message(stores: &Stores, item: &Value) {
    let id = MessageId::new(uuid::Uuid::from_u128(1));
    let found = |item: &Value| read(stores.with_item(item, stores.store.message(id, Freshness::Latest))).flatten();
    let Some(mut message) = found(item) else { return };
    assert_answers(&message);
    // `insert_once` writes no receipts: they are written in separate updates.
    message.delivery.receipts = Receipts::default();
    assert!(read(stores.with_item(item, stores.store.insert_once(&message))).is_some());
    assert!(found(&stores.written()).is_some_and(|again| again == message), "read differently");
}

fn send_slots(stores: &Stores, item: &Value) {
    let Ok(sender) = "441234567890".parse::<SenderId>() else { return };
    let found = read(stores.with_item(item, stores.store.send_slots(&sender, true)));
    assert!(found.is_none_or(|found| found.waiting.keys().all(|line| line.sender == sender)));
}

fn assert_answers(message: &Message) {
    assert_eq!(message.request.text.split().concat(), message.request.text.as_str());
    let _ =
        (message.channel(), message.channel_reached(), message.carrier_reached(), message.submitted_at(Timestamp::MAX));
    let _ = message.receipt_details();
    let _ = (message.due_since(), message.attempted_since(), message.full_history(), message.was_submitted_before());
    let _ =
        (message.passes_opt_outs(), message.has_channel_after(message.delivery.channel_index), format!("{message:?}"));
    assert!(message.delivery.failed_attempts.iter().all(|attempt| !attempt.describe().is_empty()));
    let url = status_url();
    for state in State::iter() {
        for dialect in Dialect::iter() {
            let event = dialect.state_event(message, state, &url);
            assert_eq!(event.is_some(), dialect.notifies(state), "the event and `notifies` disagree");
            let is_json = |event: String| serde_json::from_str::<Value>(&event).is_ok();
            assert!(event.is_none_or(is_json), "the event is not JSON");
        }
    }
}

#[expect(clippy::expect_used, reason = "a valid URL")]
fn status_url() -> CallbackUrl {
    "https://client.example/status".parse().expect("a URL")
}

fn reply(stores: &Stores, item: &Value) {
    let id = ReplyId::new(uuid::Uuid::from_u128(1));
    let found = |item: &Value| read(stores.with_item(item, stores.store.reply(id))).flatten();
    let Some(reply) = found(item) else { return };
    for dialect in Dialect::iter() {
        let event = dialect.reply_event(&reply);
        assert!(serde_json::from_str::<Value>(&event).is_ok(), "the event is not JSON");
    }
    assert!(read(stores.with_item(item, stores.store.insert_reply(&reply, Timestamp::UNIX_EPOCH))).is_some());
    assert!(found(&stores.written()).is_some_and(|again: Reply| again == reply), "read differently");
}

fn unmatched(stores: &Stores, item: &Value) {
    let Ok(carrier) = "cm".parse::<CarrierName>() else { return };
    let id = UnmatchedId { kind: UnmatchedKind::Receipt, carrier, uuid: uuid::Uuid::nil() };
    let found = |item: &Value| read(stores.with_item(item, stores.store.unmatched(id))).flatten();
    let Some(unmatched) = found(item) else { return };
    let _ = (unmatched.kept_until(), unmatched.clone().with_retry());
    assert!(read(stores.with_item(item, stores.store.keep_unmatched(&unmatched))).is_some());
    assert!(found(&stores.written()).is_some_and(|again| again == unmatched), "read differently");
}

fn recipient(stores: &Stores, item: &Value) {
    let Ok(number) = "447700900001".parse::<PhoneNumber>() else { return };
    let _ = read(stores.with_item(item, stores.store.recipient(&number)));
}

fn directory(stores: &Stores, item: &Value) {
    let directory = &stores.directory;
    let (Ok(account), Ok(sender)) = ("demo".parse::<AccountId>(), "ACME".parse::<SenderId>()) else { return };
    if let Some(Some(found)) = read(stores.with_item(item, directory.account(&account))) {
        assert!(stores.with_item(item, directory.put_account(&found)).is_ok());
        let again = read(stores.with_item(&stores.written(), directory.account(&account)));
        assert_eq!(again, Some(Some(found)));
    }
    if let Some(routes) = read(stores.with_item(item, directory.routes())) {
        assert!(stores.with_item(item, directory.put_routes(&routes)).is_ok());
        assert_eq!(read(stores.with_item(&stores.written(), directory.routes())), Some(routes));
    }
    if let Some(pool) = read(stores.with_item(item, directory.pool())) {
        assert!(stores.with_item(item, directory.put_pool(&pool)).is_ok());
        assert_eq!(read(stores.with_item(&stores.written(), directory.pool())), Some(pool));
    }
    let Ok(name) = "cm".parse::<CarrierName>() else { return };
    if let Some(Some(carrier)) = read(stores.with_item(item, directory.carrier(name))) {
        assert!(carrier.settings.timeout().as_secs() <= 45);
        let _ = carrier.settings.vendor.profile().check_settings(&carrier.settings);
    }
    let _ = read(stores.with_item(item, directory.carriers()));
    let _ = read(stores.with_item(item, directory.owner(&sender)));
    let _ = read(stores.with_item(item, directory.key_holder(&ApiKeyHash::of("key"))));
    let _ = read(stores.with_item(item, directory.keywords()));
    let _ = read(stores.with_item(item, directory.exemptions()));
    let _ = read(stores.with_item(item, directory.lanes()));
    if let Some(rates) = read(stores.with_item(item, directory.rates())) {
        assert!(rates.of(&sender).is_none_or(|rate| (1..=1000).contains(&rate.per_second())));
    }
}

fn secrets(text: &str) {
    STORES.with(|stores| {
        let answer = serde_json::json!({"SecretString": text});
        if let Some(found) = read(stores.with_answer(&answer, stores.secrets.carriers())) {
            assert!(
                found.values().all(|secret| secret.webhook_tokens.iter().all(|token| secret.is_webhook_token(token)))
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_jobs_are_read() {
        for record in records!["job-submit", "job-failed", "job-unmatched"] {
            assert!(Job::read(record).is_ok(), "{record}");
        }
        for record in records!["callback-state", "callback-reply"] {
            assert!(CallbackJob::read(record).is_ok(), "{record}");
        }
    }

    #[test]
    fn recorded_reply_is_written_back_unchanged() {
        let id = ReplyId::new(uuid::Uuid::from_u128(1));
        for record in records!["reply", "reply-from-name"] {
            let item: Value = serde_json::from_str(record).unwrap();
            STORES.with(|stores| {
                let reply = read(stores.with_item(&item, stores.store.reply(id))).flatten().unwrap();
                assert!(read(stores.with_item(&item, stores.store.insert_reply(&reply, reply.at))).is_some());
                assert_eq!(stores.written(), item);
            });
        }
    }
}
