//! A client adds, changes and removes a webhook, with every fault in every call. If the client gets no answer or a
//! server error, it repeats the request.

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    domain::{AccountId, Webhook, WebhookId, Webhooks},
    gateway::{connect_callback_secrets, connect_directory},
};
use tests::{clients::ClientRequest, system::DEMO};

use crate::{
    fault::Fault,
    number,
    proxy::{Call, Plan},
    stage::Stage,
};

/// We make 1 run in this many, unless `FAULTS_EVERY` says otherwise.
const EVERY: usize = 5;
const MAX_ATTEMPTS: usize = 6;
const KEPT: WebhookId = 1;
const FIRST_URL: &str = "https://a.example/first";
const SECOND_URL: &str = "https://a.example/second";

fn request(method: Method, path: &str, body: &Value) -> ClientRequest {
    ClientRequest { body: body.to_string(), ..ClientRequest::new(DEMO, method, path) }
}

fn new_webhook(url: &str) -> ClientRequest {
    request(Method::POST, "/v3/webhooks", &json!({"event": "message-reply", "url": url, "secret": "secret"}))
}

/// Repeats a request while the server fails. Returns the answer and the number of attempts.
async fn send(stage: &Stage, request: &ClientRequest) -> (u16, Value, usize) {
    for attempt in 1..=MAX_ATTEMPTS {
        match stage.send_request(0, request).await {
            Some((status, body)) if status < 500 => return (status, serde_json::from_str(&body).unwrap(), attempt),
            Some((503 | 500, _)) | None => {}
            Some((status, body)) => panic!("{status} {body}"),
        }
    }
    panic!("no answer in {MAX_ATTEMPTS} attempts");
}

/// Reads the webhooks without the proxy, and checks their secrets.
async fn stored(stage: &Stage) -> Webhooks {
    let (environment, account) = (stage.system.environment(), "demo".parse::<AccountId>().unwrap());
    let webhooks = connect_directory(&environment).unwrap().latest_webhooks(&account).await.unwrap();
    let secrets = connect_callback_secrets(&environment).unwrap();
    for webhook in webhooks.values() {
        assert_eq!(secrets.decrypt::<String>(&account, &webhook.secret).await.unwrap(), "secret");
    }
    webhooks
}

fn with_url(webhook: &Webhook, url: &str) -> bool {
    webhook.url.as_str() == url
}

/// Sends the three requests, and checks the stored webhooks after each.
async fn add_change_remove(stage: &mut Stage, plan: Plan, case: &str) {
    let forgotten = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": "webhooks#demo"}}});
    stage.system.aws("DynamoDB_20120810.DeleteItem", &forgotten).await;
    stage.proxy.begin_run(Box::new(|_, _| None));
    assert_eq!(send(stage, &new_webhook("https://a.example/kept")).await.0, 200);
    let kept = stored(stage).await[&KEPT].clone();

    stage.proxy.begin_run(plan);
    let (status, added, attempts) = send(stage, &new_webhook(FIRST_URL)).await;
    assert_eq!(status, 200, "{case}: {added}");
    let id = WebhookId::try_from(added["data"]["id"].as_u64().unwrap()).unwrap();
    let webhooks = stored(stage).await;
    // A client cannot know whether an attempt without an answer added its webhook.
    assert!((2..=1 + attempts).contains(&webhooks.len()), "{case}: {} webhooks, {attempts} attempts", webhooks.len());
    assert!(webhooks.iter().all(|(other, webhook)| *other == KEPT || with_url(webhook, FIRST_URL)), "{case}");
    assert!(webhooks.contains_key(&id) && id != KEPT, "{case}: {id}");

    let path = format!("/v3/webhooks/{id}");
    let (status, changed, _) = send(stage, &request(Method::PATCH, &path, &json!({"url": SECOND_URL}))).await;
    assert_eq!((status, &changed["data"]["url"]), (200, &json!(SECOND_URL)), "{case}");
    let webhooks = stored(stage).await;
    for (other, webhook) in &webhooks {
        let is_right = match *other {
            KEPT => *webhook == kept,
            other if other == id => with_url(webhook, SECOND_URL),
            _ => with_url(webhook, FIRST_URL),
        };
        assert!(is_right, "{case}: {other}");
    }

    let (status, removed, attempts) = send(stage, &request(Method::DELETE, &path, &Value::Null)).await;
    assert!(status == 200 || (status == 404 && attempts > 1), "{case}: {status} {removed}");
    // Delayed writes are applied by then.
    let (_, listed, _) = send(stage, &request(Method::GET, "/v3/webhooks", &Value::Null)).await;
    stage.proxy.stop_faults();
    let (_, again, _) = send(stage, &request(Method::GET, "/v3/webhooks", &Value::Null)).await;
    assert_eq!(listed["data"]["total"], again["data"]["total"], "{case}");
    let left = stored(stage).await;
    assert!(!left.contains_key(&id) && left[&KEPT] == kept, "{case}: {:?}", left.keys());
    assert_eq!(left.len(), webhooks.len() - 1, "{case}");
}

/// Returns each call with each fault that can hit it.
fn runs(calls: &[Call]) -> Vec<(usize, Fault)> {
    let is_last = |index: usize| calls.get(index + 1).is_none_or(|next| next.invocation != calls[index].invocation);
    let faults =
        |index: usize| Fault::ALL.into_iter().filter(move |fault| fault.applies_to(&calls[index], is_last(index)));
    (0..calls.len()).flat_map(|index| faults(index).map(move |fault| (index, fault))).collect()
}

#[tokio::test]
async fn any_single_fault_loses_no_change_of_a_webhook() {
    let mut stage = Stage::new(&["loopback"]).await;
    stage.seed(1);
    add_change_remove(&mut stage, Box::new(|_, _| None), "without a fault").await;
    let calls = stage.proxy.calls();
    let updates = calls.iter().filter(|call| call.name == "DynamoDB UpdateItem").count();
    assert!(updates == 3 && calls.iter().all(|call| call.function == "account"), "{}", calls.len());
    let runs = runs(&calls);
    assert!(runs.len() > 50, "{}", runs.len());
    let every = number("FAULTS_EVERY").unwrap_or(EVERY);
    for (run, (index, fault)) in runs.into_iter().enumerate().step_by(every) {
        stage.seed(2 + run as u64);
        let case = format!("call {index} ({}), {}", calls[index].label(), fault.name());
        let plan = Box::new(move |at: usize, _: &Call| (at == index).then_some(fault));
        add_change_remove(&mut stage, plan, &case).await;
    }
}
