//! Sinks, clock, unknown paths, and tables kept in a folder.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Tester, answer};
use crate::emulator::EmulatorOptions;

#[tokio::test]
async fn sink_records_requests_with_any_status() {
    let tester = Tester::start().await;
    let request =
        tester.client.post(tester.url("/sinks/here?status=500")).header("X-Some-Header", "some value").body("any body");
    assert_eq!(answer(request).await.0, StatusCode::INTERNAL_SERVER_ERROR);

    let kept = &tester.get("/sinks/here").await["requests"][0];
    assert_eq!(kept["body"], "any body");
    assert_eq!(kept["headers"]["x-some-header"], "some value");

    answer(tester.client.delete(tester.url("/sinks/here"))).await;
    let kept = tester.get("/sinks/here").await;
    assert_eq!(kept, json!({ "requests": [] }));
}

#[tokio::test]
async fn sinks_are_listed_by_name_with_their_requests() {
    let tester = Tester::start().await;
    assert_eq!(tester.get("/sinks").await, json!({ "sinks": [] }));
    for sink in ["status", "replies", "status"] {
        tester.post(&format!("/sinks/{sink}"), json!({})).await;
    }
    let listed = json!({ "sinks": [{ "name": "replies", "requests": 1 }, { "name": "status", "requests": 2 }] });
    assert_eq!(tester.get("/sinks").await, listed);

    answer(tester.client.delete(tester.url("/sinks/status"))).await;
    assert_eq!(tester.get("/sinks").await, json!({ "sinks": [{ "name": "replies", "requests": 1 }] }));
}

#[tokio::test]
async fn root_lists_paths_as_text_and_still_takes_aws_calls() {
    let tester = Tester::start().await;
    let listed = tester.client.get(tester.url("/")).send().await.unwrap();
    assert_eq!(listed.headers()["content-type"], "text/plain; charset=utf-8");
    let text = listed.text().await.unwrap();
    for path in ["/handsets ", "/handsets/{number} ", "/sinks ", "/clock ", "/meter "] {
        assert!(text.contains(path), "{path} in {text}");
    }
    let (status, _) = tester.request(Method::POST, "/", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a POST without a target");
    tester.dynamodb("ListTables", json!({})).await;
}

#[tokio::test]
async fn clock_goes_forward_only() {
    let tester = Tester::start().await;
    let before: jiff::Timestamp = tester.get("/clock").await["now"].as_str().and_then(|now| now.parse().ok()).unwrap();
    tester.advance(3600).await;
    let (_, reading) = tester.post("/clock", json!({ "advance_seconds": 0 })).await;
    let after: jiff::Timestamp = reading["now"].as_str().unwrap().parse().unwrap();
    assert_eq!(reading["advanced_seconds"], 3600);
    assert!((3600..3700).contains(&after.duration_since(before).as_secs()));

    for rejected in [json!(-1), json!(1.5), json!("1"), json!(null)] {
        let call = json!({ "advance_seconds": rejected });
        let (status, problem) = tester.post("/clock", call).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["errors"][0]["field"], "advance_seconds");
    }
}

#[tokio::test]
async fn unknown_path_or_method_is_a_problem() {
    let tester = Tester::start().await;
    let (status, problem) = tester.request(Method::GET, "/nothing", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem["status"], 404);
    let (status, problem) = tester.request(Method::PUT, "/meter", json!({})).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(problem["title"], "Method Not Allowed");
    let (status, problem) = tester.request(Method::GET, "/loopback/messages", json!({})).await;
    assert_eq!((status, &problem["title"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("Method Not Allowed")));
    let (status, problem) = tester.request(Method::GET, "/loopback/nothing", json!({})).await;
    assert_eq!((status, &problem["status"]), (StatusCode::NOT_FOUND, &json!(404)));
}

#[tokio::test]
async fn tables_in_a_folder_persist() {
    let folder = std::env::temp_dir().join(format!("emulator-{}", uuid::Uuid::new_v4()));
    let options = EmulatorOptions { data: Some(folder.clone()), ..EmulatorOptions::default() };
    let table = json!({
        "TableName": "Things",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
    });
    let first = Tester::start_with(options.clone()).await;
    first.dynamodb("CreateTable", table).await;
    first.emulator.stop().await;

    let second = Tester::start_with(options).await;
    let tables = second.dynamodb("ListTables", json!({})).await;
    assert_eq!(tables, json!({ "TableNames": ["Things"] }));
    second.emulator.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
