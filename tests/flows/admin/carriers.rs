//! `admin carrier list`, and the guard of `admin carrier set --local`.

use serde_json::{Value, json};

use super::{printed, read, refused};
use crate::system::System;

const REAL: &str = "https://gw.messaging.cm.com/";

#[tokio::test]
async fn carriers_are_listed_with_endpoint_key_and_routes() {
    let system = System::start().await;
    let listed = read(&system, &["carrier", "list"]).await["carriers"].as_array().unwrap().clone();
    let endpoint = system.emulator.url().to_string();
    let expected = |carrier: &str, endpoint: String, key_set: bool, routes: Value| json!({"carrier": carrier, "endpoint": endpoint, "timeout_ms": 3000, "key_set": key_set, "routes": routes});
    assert_eq!(listed[0], expected("loopback", endpoint.clone(), false, json!([1])));
    assert_eq!(listed[1], expected("cm", format!("{endpoint}cm/"), true, json!([2])));
    let text = printed(&system, &["carrier", "list"]).await;
    assert!(text.starts_with("CARRIER") && text.contains("not needed") && text.lines().count() == 3, "{text}");

    let gone = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": "carrier#cm"}}});
    system.aws("DynamoDB_20120810.DeleteItem", &gone).await;
    assert!(read(&system, &["carrier", "list"]).await["carriers"][1]["endpoint"].is_null());
    let first = refused(&system, &["carrier", "set", "cm", "--timeout-ms", "5000"]).await;
    assert!(first.contains("carrier set cm --endpoint"), "{first}");
}

#[tokio::test]
async fn local_carrier_leaves_the_machine_only_on_request() {
    let system = System::start().await;
    let simulated = read(&system, &["carrier", "show", "cm"]).await["endpoint"].clone();
    let guarded = refused(&system, &["carrier", "set", "cm", "--endpoint", REAL]).await;
    assert!(guarded.contains(REAL) && guarded.contains("--allow-external"), "{guarded}");
    let changed = read(&system, &["carrier", "set", "cm", "--timeout-ms", "5000"]).await;
    assert_eq!((&changed["endpoint"], &changed["timeout_ms"]), (&simulated, &json!(5000)));
    for here in ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/"] {
        assert_eq!(read(&system, &["carrier", "set", "cm", "--endpoint", here]).await["endpoint"], here);
    }
    let allowed = read(&system, &["carrier", "set", "cm", "--endpoint", REAL, "--allow-external"]).await;
    assert_eq!((&allowed["endpoint"], &allowed["timeout_ms"]), (&json!(REAL), &json!(5000)));
}
