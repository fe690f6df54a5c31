//! The emulated AWS: tables, queues, and the environment of a function.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::runtime::{Clock, Environment, HttpStack, Metrics, Random, Variables};
use url::Url;

use crate::{
    client::{Answer, answer},
    system::{DEMO, System, TIMEOUT},
    views::MessageRef,
};

/// The queues of jobs: one for each lane, and one for send slots.
pub const JOB_QUEUES: [&str; 4] = ["UrgentJobsQueue", "JobsQueue", "BulkJobsQueue", "SendSlotsQueue"];

impl System {
    /// Returns the environment for a function that a test calls itself, with the function's role.
    pub fn environment_of(&self, function: &str) -> Environment {
        with_role(self.environment(), function)
    }

    /// Returns an environment that may make any call.
    pub fn environment(&self) -> Environment {
        let emulator = self.emulator.url();
        let variables = [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL", emulator.to_string()),
            ("MESSAGES_TABLE", "MessagesTable".to_owned()),
            ("RECIPIENTS_TABLE", "RecipientsTable".to_owned()),
            ("DIRECTORY_TABLE", "DirectoryTable".to_owned()),
            ("CARRIER_SECRETS", "CarrierSecrets".to_owned()),
            ("CALLBACK_SECRETS_KEY", "CallbackSecretsKey".to_owned()),
            ("URGENT_JOBS_QUEUE_URL", self.queue_url("UrgentJobsQueue").into()),
            ("JOBS_QUEUE_URL", self.queue_url("JobsQueue").into()),
            ("BULK_JOBS_QUEUE_URL", self.queue_url("BulkJobsQueue").into()),
            ("SEND_SLOTS_QUEUE_URL", self.queue_url("SendSlotsQueue").into()),
            ("CALLBACKS_QUEUE_URL", self.queue_url("CallbacksQueue").into()),
            ("CALLBACKS_DEAD_LETTERS_URL", self.queue_url("CallbacksDeadLetters").into()),
            ("ALLOW_PRIVATE_CALLBACKS", "true".to_owned()),
        ];
        Environment {
            variables: Variables::from_iter(variables.map(|(name, value)| (name.to_owned(), value))),
            clock: Clock::system(),
            random: Random::seeded(1),
            http: HttpStack::new().unwrap(),
            metrics: Metrics::none(),
        }
    }

    /// Waits until the queues have no job, visible, in flight or delayed, and nothing is on its way in the simulated
    /// network. Receipts and replies that the gateway did not accept do not count.
    ///
    /// Also checks that each function's role allowed all its calls.
    pub async fn until_idle(&self) {
        let is_idle = async || {
            let transit = async || self.get(DEMO, "/transit").await.body;
            let before = transit().await;
            let mut is_empty = self.queue_length("CallbacksQueue").await == 0;
            for queue in JOB_QUEUES {
                is_empty = is_empty && self.queue_length(queue).await == 0;
            }
            is_empty && before["in_transit"] == 0 && transit().await == before
        };
        // A job may have gone from a queue that we had not read yet to one that we had.
        let is_still_idle = async || (is_idle().await && is_idle().await).then_some(());
        self.until("the queues are empty and nothing is in transit", is_still_idle).await;
        let meter = self.get(DEMO, "/meter").await.body;
        assert_eq!(meter["denied"], json!({}), "calls that a role does not allow");
    }

    /// Waits until all jobs left in the queues are delayed.
    pub async fn until_only_delayed(&self) {
        for queue in JOB_QUEUES.into_iter().chain(["CallbacksQueue"]) {
            let what = format!("all jobs of {queue} are delayed");
            let due = async || self.count_in(queue, &["", "NotVisible"]).await;
            self.until(&what, async || (due().await == 0).then_some(())).await;
        }
    }

    /// Deletes the health of all endpoints. This also enables disabled endpoints.
    pub async fn reset_endpoint_health(&self) {
        for item in self.scan("DirectoryTable").await {
            if item["id"]["S"].as_str().unwrap().starts_with("endpoint#") {
                let key = json!({"TableName": "DirectoryTable", "Key": {"id": item["id"]}});
                self.aws("DynamoDB_20120810.DeleteItem", &key).await;
            }
        }
    }

    /// Moves the clock until at least `count` callbacks are dead letters. All endpoints are kept enabled.
    pub async fn until_dead_lettered(&self, count: u64) {
        // Two dozen moves of the clock, with the work that becomes due at each, may take longer than other waits.
        self.until_within(4 * TIMEOUT, "callbacks are dead letters", async || {
            self.reset_endpoint_health().await;
            // Eight hours are longer than the longest gap between two attempts.
            self.advance(8 * 3_600).await;
            (self.queue_length("CallbacksDeadLetters").await >= count).then_some(())
        })
        .await;
    }

    /// Counts the jobs in a queue: visible, in flight and delayed.
    pub async fn queue_length(&self, name: &str) -> u64 {
        self.count_in(name, &["", "NotVisible", "Delayed"]).await
    }

    pub async fn count_in(&self, name: &str, which: &[&str]) -> u64 {
        let names: Vec<_> = which.iter().map(|which| format!("ApproximateNumberOfMessages{which}")).collect();
        let asked = json!({"QueueUrl": self.queue_url(name), "AttributeNames": names});
        let answer = self.aws("AmazonSQS.GetQueueAttributes", &asked).await;
        let count = |name: &String| answer["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
        names.iter().map(count).sum()
    }

    /// Enqueues payloads on the queue of the normal lane as one batch, with a delay.
    pub async fn enqueue(&self, payloads: &[String], delay_seconds: u64) {
        let entry = |(index, payload): (usize, &String)| json!({"Id": index.to_string(), "MessageBody": payload, "DelaySeconds": delay_seconds});
        let entries: Vec<_> = payloads.iter().enumerate().map(entry).collect();
        let batch = json!({"QueueUrl": self.queue_url("JobsQueue"), "Entries": entries});
        self.aws("AmazonSQS.SendMessageBatch", &batch).await;
    }

    /// Enqueues a job that submits a message at once.
    pub async fn enqueue_submit(&self, id: &(impl MessageRef + ?Sized)) {
        self.enqueue(&[submit_job(id)], 0).await;
    }

    /// Deletes all jobs in the queues of jobs, as if SQS had lost them.
    pub async fn purge_jobs(&self) {
        for queue in JOB_QUEUES {
            self.aws("AmazonSQS.PurgeQueue", &json!({"QueueUrl": self.queue_url(queue)})).await;
        }
    }

    /// Returns all items in a table, in DynamoDB's JSON.
    pub async fn scan(&self, table: &str) -> Vec<Value> {
        let mut answer = self.aws("DynamoDB_20120810.Scan", &json!({"TableName": table})).await;
        serde_json::from_value(answer["Items"].take()).unwrap()
    }

    pub async fn put_item(&self, table: &str, item: Value) {
        self.aws("DynamoDB_20120810.PutItem", &json!({"TableName": table, "Item": item})).await;
    }

    /// Applies an `UpdateExpression` to a message in the table, not through the gateway. `names` and `values`
    /// may be `null`.
    pub async fn update_message(
        &self,
        id: &(impl MessageRef + ?Sized),
        expression: &str,
        names: &Value,
        values: &Value,
    ) {
        let mut update = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id.message_id()}},
            "UpdateExpression": expression});
        for (field, attributes) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
            if !attributes.is_null() {
                update[field] = attributes.clone();
            }
        }
        self.aws("DynamoDB_20120810.UpdateItem", &update).await;
    }

    /// Returns a queue's URL. `name` is its name in the template.
    pub fn queue_url(&self, name: &str) -> Url {
        self.emulator.url().join(&format!("123456789012/{name}")).unwrap()
    }

    /// Calls DynamoDB, SQS or Secrets Manager. `target` is the operation's `x-amz-target`.
    pub async fn aws(&self, target: &str, body: &Value) -> Value {
        let answer = self.aws_as("local", target, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// Does the same as [`aws`](Self::aws) with another access key, and returns any answer. A function's access key is
    /// its name.
    pub async fn aws_as(&self, access_key: &str, target: &str, body: &Value) -> Answer {
        // The embedded DynamoDB requires a signature, but checks only its form.
        let scope = "20260101/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0";
        let signed = format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}");
        let request = self.client.post(self.emulator.url().clone()).header("x-amz-target", target);
        let request = request.header("authorization", signed).header("x-amz-date", "20260101T000000Z");
        answer(request.json(body)).await
    }
}

/// Gives an environment the role of a function.
#[must_use]
pub fn with_role(environment: Environment, function: &str) -> Environment {
    let access_key = [("AWS_ACCESS_KEY_ID".to_owned(), function.to_owned())];
    Environment { variables: environment.variables.with(access_key), ..environment }
}

/// Returns the payload for a job that submits a message.
pub fn submit_job(id: &(impl MessageRef + ?Sized)) -> String {
    json!({"v": 1, "type": "submit", "message": id.message_id()}).to_string()
}
