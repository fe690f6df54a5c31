//! DynamoDB and SQS: metering, SQS limits, timers and the clock.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Tester;

async fn create_table(tester: &Tester) {
    let table = json!({
        "TableName": "Things",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "id", "AttributeType": "S" },
            { "AttributeName": "kind", "AttributeType": "S" },
        ],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "GlobalSecondaryIndexes": [{
            "IndexName": "kinds",
            "KeySchema": [{ "AttributeName": "kind", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        }],
    });
    tester.dynamodb("CreateTable", table).await;
}

fn put(item: &Value) -> Value {
    json!({ "TableName": "Things", "Item": item })
}

async fn create_queue(tester: &Tester, name: &str, attributes: Value) -> String {
    let queue = json!({ "QueueName": name, "Attributes": attributes });
    let created = tester.sqs("CreateQueue", queue).await;
    created["QueueUrl"].as_str().unwrap().to_owned()
}

async fn receive(tester: &Tester, queue: &str, wait_seconds: u64) -> Vec<Value> {
    let call = json!({ "QueueUrl": queue, "WaitTimeSeconds": wait_seconds });
    let received = tester.sqs("ReceiveMessage", call).await;
    received["Messages"].as_array().cloned().unwrap_or_default()
}

/// Returns the status and the type of the error, without its namespace.
fn error((status, body): (StatusCode, Value)) -> (u16, String) {
    let r#type = body["__type"].as_str().unwrap();
    (status.as_u16(), r#type.rsplit('#').next().unwrap().to_owned())
}

#[tokio::test]
async fn wrong_dynamodb_call_is_an_error_of_dynamodb() {
    let tester = Tester::start().await;
    create_table(&tester).await;
    let item = json!({ "id": { "S": "1" } });
    for (operation, call, expected) in [
        ("GrabItem", put(&item), "UnknownOperationException"),
        ("PutItem", json!({ "Item": item }), "ValidationException"),
        ("PutItem", json!({ "TableName": "Things", "Item": { "id": { "S": 1 } } }), "ValidationException"),
        ("PutItem", put(&json!({ "kind": { "S": "x" } })), "ValidationException"),
        ("PutItem", json!({ "TableName": "Nothing", "Item": item }), "ResourceNotFoundException"),
        ("CreateTable", json!("Things"), "ValidationException"),
    ] {
        let answer = tester.call(&format!("DynamoDB_20120810.{operation}"), call.clone()).await;
        assert_eq!(error(answer), (400, expected.to_owned()), "{operation} {call}");
    }
    let unsigned = || tester.client.post(tester.url("/")).header("X-Amz-Target", "DynamoDB_20120810.PutItem");
    let answer = super::answer(unsigned().body(put(&item).to_string())).await;
    assert_eq!(error(answer), (400, "MissingAuthenticationTokenException".to_owned()));
    let signed = unsigned().header("X-Amz-Date", "20260101T000000Z").header(
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=id/20260101/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=none",
    );
    assert_eq!(error(super::answer(signed.body("{")).await), (400, "SerializationException".to_owned()));
    assert_eq!(tester.dynamodb("Scan", json!({ "TableName": "Things" })).await["Count"], 0);
}

#[tokio::test]
async fn transaction_tells_which_condition_failed() {
    let tester = Tester::start().await;
    create_table(&tester).await;
    tester.dynamodb("PutItem", put(&json!({ "id": { "S": "1" } }))).await;
    let new = |id: &str| {
        let mut put = put(&json!({ "id": { "S": id } }));
        put["ConditionExpression"] = "attribute_not_exists(id)".into();
        json!({ "Put": put })
    };
    let transaction = json!({ "TransactItems": [new("2"), new("1")] });
    let (status, body) = tester.call("DynamoDB_20120810.TransactWriteItems", transaction).await;
    let codes: Vec<_> = body["CancellationReasons"].as_array().unwrap().iter().map(|reason| &reason["Code"]).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(error((status, body)), (400, "TransactionCanceledException".to_owned()));
    assert_eq!(tester.dynamodb("Scan", json!({ "TableName": "Things" })).await["Count"], 1);
}

#[tokio::test]
async fn put_is_metered_with_the_indexes_it_writes() {
    let tester = Tester::start().await;
    create_table(&tester).await;

    let plain = json!({ "id": { "S": "1" } });
    let indexed = json!({ "id": { "S": "2" }, "kind": { "S": "x" } });
    let answer = tester.dynamodb("PutItem", put(&plain)).await;
    assert_eq!(answer, json!({}), "capacity that was not requested");
    tester.dynamodb("PutItem", put(&indexed)).await;

    let metered = &tester.get("/meter").await["dynamodb"]["PutItem"];
    assert_eq!(metered, &json!({ "requests": 2, "read_units": 0.0, "write_units": 3.0 }));
}

#[tokio::test]
async fn requested_capacity_is_returned() {
    let tester = Tester::start().await;
    create_table(&tester).await;

    let mut call = put(&json!({ "id": { "S": "1" } }));
    call["ReturnConsumedCapacity"] = "TOTAL".into();
    let answer = tester.dynamodb("PutItem", call).await;
    assert_eq!(answer["ConsumedCapacity"]["CapacityUnits"], 1.0);
}

#[tokio::test]
async fn failed_condition_is_metered_as_a_write() {
    let tester = Tester::start().await;
    create_table(&tester).await;

    let mut call = put(&json!({ "id": { "S": "1" } }));
    call["ConditionExpression"] = "attribute_exists(id)".into();
    let (status, _) = tester.call("DynamoDB_20120810.PutItem", call).await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
    let meter = tester.get("/meter").await;
    assert_eq!(meter["dynamodb"]["PutItem"]["write_units"], 1.0);
}

#[tokio::test]
async fn meter_sums_up_and_can_be_reset() {
    let tester = Tester::start().await;
    create_table(&tester).await;
    let queue = create_queue(&tester, "jobs", json!({})).await;
    receive(&tester, &queue, 0).await;
    let get = json!({ "TableName": "Things", "Key": { "id": { "S": "1" } } });
    tester.dynamodb("GetItem", get).await;

    let meter = tester.get("/meter").await;
    assert_eq!(meter["sqs"]["ReceiveMessage"]["requests"], 1);
    assert_eq!(meter["total"]["requests"], 4);
    assert_eq!(meter["total"]["read_units"], 0.5);

    let zero = tester.client.delete(tester.url("/meter"));
    super::answer(zero).await;
    assert_eq!(tester.get("/meter").await["total"]["requests"], 0);
}

#[tokio::test]
async fn item_expires_when_the_clock_passes_its_time_to_live() {
    let tester = Tester::start().await;
    create_table(&tester).await;
    let setting = json!({
        "TableName": "Things",
        "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "expires" },
    });
    tester.dynamodb("UpdateTimeToLive", setting).await;
    let tomorrow = jiff::Timestamp::now().as_second() + 86_400;
    let item = json!({ "id": { "S": "1" }, "expires": { "N": tomorrow.to_string() } });
    tester.dynamodb("PutItem", put(&item)).await;

    let scan = json!({ "TableName": "Things" });
    tester.advance(86_000).await;
    assert_eq!(tester.dynamodb("Scan", scan.clone()).await["Count"], 1);
    tester.advance(500).await;
    assert_eq!(tester.dynamodb("Scan", scan).await["Count"], 0);
}

#[tokio::test]
async fn delay_over_900_seconds_is_rejected() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester, "jobs", json!({})).await;

    let call = json!({ "QueueUrl": queue, "MessageBody": "x", "DelaySeconds": 901 });
    let (status, rejected) = tester.call("AmazonSQS.SendMessage", call).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(rejected["__type"], "InvalidParameterValue");

    let entry = |id, delay| json!({ "Id": id, "MessageBody": "x", "DelaySeconds": delay });
    let entries = json!({ "QueueUrl": queue, "Entries": [entry("a", 901), entry("b", 900)] });
    let answer = tester.sqs("SendMessageBatch", entries).await;
    assert_eq!(answer["Failed"][0]["Id"], "a");
    assert_eq!(answer["Successful"][0]["Id"], "b");
}

#[tokio::test]
async fn batch_of_more_than_ten_is_rejected() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester, "jobs", json!({})).await;

    let entries: Vec<_> = (0..11).map(|n| json!({ "Id": n.to_string(), "MessageBody": "x" })).collect();
    let call = json!({ "QueueUrl": queue, "Entries": entries });
    let (_, rejected) = tester.call("AmazonSQS.SendMessageBatch", call).await;
    assert_eq!(rejected["__type"], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
}

#[tokio::test]
async fn clock_moves_delays_and_visibility_timeouts() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester, "jobs", json!({ "VisibilityTimeout": "600" })).await;
    let call = json!({ "QueueUrl": queue, "MessageBody": "x", "DelaySeconds": 900 });
    tester.sqs("SendMessage", call).await;

    tester.advance(899).await;
    assert!(receive(&tester, &queue, 0).await.is_empty(), "899 s");
    tester.advance(1).await;
    assert_eq!(receive(&tester, &queue, 0).await.len(), 1, "900 s");
    assert!(receive(&tester, &queue, 0).await.is_empty(), "in flight");
    tester.advance(600).await;
    assert_eq!(receive(&tester, &queue, 0).await.len(), 1, "redelivered");
}

#[tokio::test]
async fn long_poll_ends_when_a_message_arrives() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester, "jobs", json!({})).await;

    let started = Instant::now();
    let call = json!({ "QueueUrl": queue, "MessageBody": "x" });
    let (received, _) = tokio::join!(receive(&tester, &queue, 20), tester.sqs("SendMessage", call));
    assert_eq!(received.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn dead_letter_queue_is_replayed_into_its_source() {
    let tester = Tester::start().await;
    let dead = create_queue(&tester, "dead", json!({})).await;
    let dead_arn = "arn:aws:sqs:eu-west-1:123456789012:dead";
    let redrive = json!({ "deadLetterTargetArn": dead_arn, "maxReceiveCount": 1 });
    let attributes = json!({ "RedrivePolicy": redrive.to_string(), "VisibilityTimeout": "60" });
    let jobs = create_queue(&tester, "jobs", attributes).await;
    let call = json!({ "QueueUrl": jobs, "MessageBody": "x" });
    tester.sqs("SendMessage", call).await;

    assert_eq!(receive(&tester, &jobs, 0).await.len(), 1);
    tester.advance(60).await;
    assert!(receive(&tester, &jobs, 0).await.is_empty());
    let attributes = json!({ "QueueUrl": dead, "AttributeNames": ["All"] });
    let attributes = tester.sqs("GetQueueAttributes", attributes).await;
    assert_eq!(attributes["Attributes"]["ApproximateNumberOfMessages"], "1");

    let replay = json!({ "SourceArn": dead_arn });
    tester.sqs("StartMessageMoveTask", replay).await;
    assert_eq!(receive(&tester, &jobs, 0).await.len(), 1);
}

#[tokio::test]
async fn staging_label_leaves_only_the_version_that_has_it() {
    let tester = Tester::start().await;
    let call = async |operation: &str, body: Value| tester.call(&format!("secretsmanager.{operation}"), body).await;
    let created = call("CreateSecret", json!({ "Name": "keys", "SecretString": "1" })).await.1;
    let first = created["VersionId"].clone();
    let put = async |text: &str, label: &str| {
        let put = json!({ "SecretId": "keys", "SecretString": text, "VersionStages": [label],
            "ClientRequestToken": format!("version-{text}") });
        call("PutSecretValue", put).await.1["VersionId"].clone()
    };
    let make_current = async |to: &Value, from: &Value| {
        let stage = json!({ "SecretId": "keys", "VersionStage": "AWSCURRENT", "MoveToVersionId": to,
            "RemoveFromVersionId": from });
        call("UpdateSecretVersionStage", stage).await
    };
    let current = async || call("GetSecretValue", json!({ "SecretId": "keys" })).await.1["SecretString"].clone();

    let (second, third) = (put("2", "mine").await, put("3", "theirs").await);
    assert_eq!(current().await, "1", "a version with another label is not current");
    assert_eq!(make_current(&second, &first).await.0, StatusCode::OK);
    let (status, error) = make_current(&third, &first).await;
    assert_eq!((status, &error["__type"]), (StatusCode::BAD_REQUEST, &json!("InvalidParameterException")), "{error}");
    assert_eq!(current().await, "2");
    // Secrets Manager drops a version that has lost its label.
    let (status, error) = make_current(&json!("version-dropped"), &second).await;
    assert_eq!((status, &error["__type"]), (StatusCode::BAD_REQUEST, &json!("InvalidParameterException")), "{error}");
    assert_eq!(current().await, "2");
    // A call that is repeated because its answer was lost.
    assert_eq!(make_current(&second, &first).await.0, StatusCode::OK);

    let unlabel = async |version: &Value| {
        let stage = json!({ "SecretId": "keys", "VersionStage": "theirs", "RemoveFromVersionId": version });
        call("UpdateSecretVersionStage", stage).await.0
    };
    let statuses = [unlabel(&second).await, unlabel(&third).await, unlabel(&third).await];
    assert_eq!(statuses, [StatusCode::BAD_REQUEST, StatusCode::OK, StatusCode::BAD_REQUEST]);
}
