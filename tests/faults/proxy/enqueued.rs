//! The jobs and callbacks that functions enqueued, with their queues and groups.

use serde_json::Value;
use tests::Request;

#[derive(Clone, Debug)]
pub struct Enqueued {
    /// The queue's name in the template.
    pub queue: String,
    pub group: Option<String>,
    pub payload: Value,
}

impl Enqueued {
    /// Returns the entries of a request to SQS.
    pub fn of(request: &Request) -> Vec<Self> {
        let target = request.header("x-amz-target").unwrap_or_default();
        if !target.starts_with("AmazonSQS.SendMessage") {
            return Vec::new();
        }
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        let queue = sent["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let entries = sent["Entries"].as_array().cloned().unwrap_or_else(|| vec![sent]);
        let enqueued = |entry: &Value| Self {
            queue: queue.clone(),
            group: entry["MessageGroupId"].as_str().map(str::to_owned),
            payload: serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap(),
        };
        entries.iter().map(enqueued).collect()
    }
}
