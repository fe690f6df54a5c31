//! Limits of SQS that the embedded engine does not enforce. Sources: *Amazon SQS API Reference*, *Amazon
//! SQS message quotas*.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

const LONGEST_DELAY_SECONDS: i64 = 900;
const LONGEST_WAIT_SECONDS: i64 = 20;
const LONGEST_VISIBILITY_SECONDS: i64 = 43_200;
const LARGEST_BATCH: usize = 10;
/// For a message, and for all messages of a batch together.
const LARGEST_BODY_BYTES: usize = 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct LimitError {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl LimitError {
    fn out_of_range(name: &str, value: i64, least: i64, most: i64) -> Self {
        Self {
            code: "InvalidParameterValue",
            message: format!(
                "Value {value} for parameter {name} is invalid. \
                 Reason: Must be between {least} and {most}."
            ),
        }
    }

    fn of_batch(code: &'static str, message: &str) -> Self {
        Self { code, message: message.into() }
    }
}

pub(super) fn check(operation: &str, call: &Map<String, Value>) -> Result<(), LimitError> {
    match operation {
        "SendMessage" => check_message(call),
        "ReceiveMessage" => {
            in_range(call, "MaxNumberOfMessages", 1, 10)?;
            in_range(call, "WaitTimeSeconds", 0, LONGEST_WAIT_SECONDS)?;
            in_range(call, "VisibilityTimeout", 0, LONGEST_VISIBILITY_SECONDS)
        }
        "ChangeMessageVisibility" => in_range(call, "VisibilityTimeout", 0, LONGEST_VISIBILITY_SECONDS),
        "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => check_batch(call),
        _ => Ok(()),
    }
}

/// Removes the invalid entries of a `SendMessageBatch`, and returns them for the `Failed` of its answer.
pub(super) fn remove_rejected_entries(operation: &str, call: &mut Map<String, Value>) -> Vec<Value> {
    let mut failed = Vec::new();
    if operation != "SendMessageBatch" {
        return failed;
    }
    if let Some(Value::Array(entries)) = call.get_mut("Entries") {
        entries.retain(|entry| match entry.as_object().map(check_message) {
            Some(Err(error)) => {
                failed.push(json!({
                    "Id": entry.get("Id"),
                    "SenderFault": true,
                    "Code": error.code,
                    "Message": error.message,
                }));
                false
            }
            _ => true,
        });
    }
    failed
}

fn check_message(message: &Map<String, Value>) -> Result<(), LimitError> {
    in_range(message, "DelaySeconds", 0, LONGEST_DELAY_SECONDS)?;
    if body_length(message) > LARGEST_BODY_BYTES {
        return Err(LimitError::of_batch(
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ));
    }
    Ok(())
}

fn check_batch(call: &Map<String, Value>) -> Result<(), LimitError> {
    let entries = match call.get("Entries") {
        Some(Value::Array(entries)) => entries.as_slice(),
        _ => &[],
    };
    if entries.is_empty() {
        return Err(LimitError::of_batch(
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > LARGEST_BATCH {
        return Err(LimitError::of_batch(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
        ));
    }
    let mut ids = HashSet::new();
    if !entries.iter().all(|entry| ids.insert(entry["Id"].as_str())) {
        return Err(LimitError::of_batch(
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ));
    }
    let bytes: usize = entries.iter().filter_map(Value::as_object).map(body_length).sum();
    if bytes > LARGEST_BODY_BYTES {
        return Err(LimitError::of_batch(
            "AWS.SimpleQueueService.BatchRequestTooLong",
            "Batch requests cannot be longer than 1048576 bytes.",
        ));
    }
    Ok(())
}

fn body_length(message: &Map<String, Value>) -> usize {
    message.get("MessageBody").and_then(Value::as_str).map_or(0, str::len)
}

fn in_range(call: &Map<String, Value>, name: &str, least: i64, most: i64) -> Result<(), LimitError> {
    match call.get(name).and_then(Value::as_i64) {
        Some(value) if !(least..=most).contains(&value) => Err(LimitError::out_of_range(name, value, least, most)),
        _ => Ok(()),
    }
}
