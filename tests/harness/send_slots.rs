//! The send slots of a sender with a rate limit.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};

use crate::system::System;

/// No function has this execution ID.
const NOBODY: &str = "ffffffffffffffff";

impl System {
    /// Keeps messages of the sender waiting: as long as another dealer seems to have its send slots, none of ours takes
    /// them.
    pub async fn hold_send_slots(&self, sender: &str) {
        self.lease_send_slots_until(sender, 9_999_999_999_999).await;
    }

    /// Does the same until a time in milliseconds.
    pub async fn lease_send_slots_until(&self, sender: &str, until: i64) {
        let values = json!({":dealer": {"S": NOBODY}, ":until": {"N": until.to_string()}});
        self.update_send_slots(sender, "SET dealer = :dealer, lease = :until", &values).await;
    }

    /// Ends [`hold_send_slots`](Self::hold_send_slots).
    pub async fn free_send_slots(&self, sender: &str) {
        self.update_send_slots(sender, "REMOVE dealer, lease", &Value::Null).await;
        self.enqueue_deal(sender).await;
    }

    async fn update_send_slots(&self, sender: &str, expression: &str, values: &Value) {
        let mut update = json!({"TableName": "MessagesTable", "Key": slots(sender), "UpdateExpression": expression});
        if !values.is_null() {
            update["ExpressionAttributeValues"] = values.clone();
        }
        self.aws("DynamoDB_20120810.UpdateItem", &update).await;
    }

    /// Enqueues a job for a dealer of the sender's slots.
    pub async fn enqueue_deal(&self, sender: &str) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let id = format!("{:016x}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let job = json!({"v": 1, "type": "deal", "sender": sender, "id": id}).to_string();
        let message = json!({"QueueUrl": self.queue_url("SendSlotsQueue"), "MessageBody": job});
        self.aws("AmazonSQS.SendMessage", &message).await;
    }

    /// Returns how many messages wait on each of the sender's lines, by `LANE#ACCOUNT`, as its record counts them.
    pub async fn waiting(&self, sender: &str) -> BTreeMap<String, i64> {
        let key = json!({"TableName": "MessagesTable", "Key": slots(sender), "ConsistentRead": true});
        let found = self.aws("DynamoDB_20120810.GetItem", &key).await;
        let count = |value: &Value| value["N"].as_str().unwrap().parse().unwrap();
        let attributes = found["Item"].as_object().into_iter().flatten();
        attributes.filter_map(|(name, value)| Some((name.strip_prefix("waiting#")?.to_owned(), count(value)))).collect()
    }

    /// Sets how many messages wait on a line, by the sender's record.
    pub async fn set_waiting(&self, sender: &str, line: &str, count: i64) {
        let update = json!({"TableName": "MessagesTable", "Key": slots(sender),
            "UpdateExpression": "SET #line = :count, joins = :joins",
            "ExpressionAttributeNames": {"#line": format!("waiting#{line}")},
            "ExpressionAttributeValues": {":count": {"N": count.to_string()}, ":joins": {"N": "1"}}});
        self.aws("DynamoDB_20120810.UpdateItem", &update).await;
    }
}

fn slots(sender: &str) -> Value {
    json!({"id": {"S": format!("slots#{sender}")}})
}

/// Looks for a time of w seconds with more than rate × (w + 1) messages. `times` are in milliseconds, sorted.
pub fn rate_excess(times: &[i64], per_second: u16) -> Option<String> {
    times.iter().enumerate().find_map(|(index, first)| {
        let is_too_many = |count: i64, last: i64| count * 1_000 > i64::from(per_second) * (last - first + 1_000);
        let (count, last) = (1..).zip(&times[index..]).find(|(count, last)| is_too_many(*count, **last))?;
        Some(format!("{count} messages in {} ms exceed {per_second} a second", last - first))
    })
}
