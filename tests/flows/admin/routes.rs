//! `admin route`, and carriers' credentials, which are never shown.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{admin, admin_with_input, forget, printed, read, refused, stored_secrets};
use crate::system::System;

const CM: [&str; 6] = ["carrier", "set", "cm", "--endpoint", "https://cm.example/", "--allow-external"];
const NEW_CM: [&str; 7] =
    ["carrier", "add", "cm", "--vendor=cm", "--endpoint", "https://cm.example/", "--allow-external"];

/// Starts a system where both carriers are set up, with only these rules.
async fn with_rules(rules: &[&[&str]]) -> System {
    let system = System::start().await;
    printed(&system, &CM).await;
    for _ in 0..read(&system, &["route", "list"]).await["routes"].as_array().unwrap().len() {
        printed(&system, &["route", "remove", "1"]).await;
    }
    for rule in rules {
        printed(&system, &[&["route", "add"], *rule].concat()).await;
    }
    system
}

fn prefixes(listed: &Value) -> Vec<&str> {
    listed["routes"].as_array().unwrap().iter().map(|rule| rule["prefix"].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn route_rule_is_inserted_at_its_position() {
    let system = with_rules(&[&["--carriers", "cm", "--prefix", "+31"], &["--carriers", "loopback"]]).await;
    let conditions = ["--account", "demo", "--sender", "+441234567890", "--channel", "WhatsApp", "--prefix", "0044"];
    let how = ["--carriers", "cm,loopback", "--receipt-timeout", "60", "--at", "2"];
    let added = read(&system, &[&["route", "add"], &conditions[..], &how].concat()).await;
    assert_eq!((&added["added"], prefixes(&added)), (&json!(2), vec!["31", "44", "-"]));
    let listed = read(&system, &["route", "list"]).await;
    assert_eq!(listed["routes"], added["routes"]);
    assert_eq!(
        listed["routes"][1],
        json!({
            "name": null, "account": "demo", "sender": "441234567890", "channel": "whatsapp", "prefix": "44",
            "carriers": ["cm", "loopback"], "receipt_timeout_s": 60,
        })
    );
    assert_eq!(listed["routes"][2]["receipt_timeout_s"], 300);
    let text = printed(&system, &["route", "list"]).await;
    let row = text.lines().nth(2).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(row, "2 - demo 441234567890 whatsapp 44 cm,loopback 60 s", "{text}");

    let removed = read(&system, &["route", "remove", "2"]).await;
    assert_eq!((&removed["removed"], prefixes(&removed)), (&listed["routes"][1], vec!["31", "-"]));
    let none = refused(&system, &["route", "remove", "3"]).await;
    assert!(none.contains("no rule 3, only 2"), "{none}");
    let done = admin(&system, &["route", "remove", "2"]).await;
    assert!(done.err.contains("within 30 seconds") && done.err.contains("match no rule have no route"), "{}", done.err);
}

#[tokio::test]
async fn unreachable_route_rule_is_refused_with_its_position() {
    let system = with_rules(&[&["--carriers", "cm", "--channel", "rcs"], &["--carriers", "loopback"]]).await;
    let behind = ["route", "add", "--carriers", "cm", "--prefix", "31"];
    let hidden = refused(&system, &behind).await;
    assert!(hidden.contains("rule 2 (everything to loopback)") && hidden.contains("--at 2"), "{hidden}");
    let narrower = refused(&system, &[&behind[..], &["--channel", "rcs", "--at", "2"]].concat()).await;
    assert!(narrower.contains("rule 1 (channel rcs to cm)") && narrower.contains("--at 1"), "{narrower}");
    let far = refused(&system, &[&behind[..], &["--at", "4"]].concat()).await;
    assert!(far.contains("last position for another is 3"), "{far}");
    for at in ["1", "2", "3"] {
        let same = refused(&system, &["route", "add", "--carriers", "loopback", "--at", at]).await;
        assert!(same.contains("rule 2 is the same"), "--at {at}: {same}");
    }
    assert_eq!(read(&system, &["route", "list"]).await["routes"].as_array().unwrap().len(), 2, "nothing was added");
    printed(&system, &[&behind[..], &["--at", "2"]].concat()).await;

    let done = admin(&system, &["route", "add", "--carriers", "cm,loopback", "--at", "2"]).await;
    assert!(done.code == 0 && done.err.contains("no longer applies: rule 3, 4"), "{}", done.err);
}

#[tokio::test]
async fn rule_that_cannot_work_is_rejected() {
    let system = with_rules(&[]).await;
    forget(&system, "carrier#cm").await;
    let unknown = refused(&system, &["route", "add", "--carriers", "loopback,cm"]).await;
    assert!(unknown.contains("carrier add cm"), "{unknown}");
    assert!(refused(&system, &["route", "add", "--carriers", "pigeon"]).await.contains("carrier pigeon is not set up"));
    let nobody = refused(&system, &["route", "add", "--carriers", "loopback", "--account", "nobody"]).await;
    assert!(nobody.contains("no account nobody"), "{nobody}");
    for words in [
        &["--carriers", "loopback,loopback"][..],
        &["--carriers", ""],
        &["--carriers", "loopback,"],
        &["--carriers", "Pigeon"],
        &[],
        &["--carriers", "loopback", "--channel", "fax"],
        &["--carriers", "loopback", "--prefix", "Dutch"],
        &["--carriers", "loopback", "--at", "0"],
        &["--carriers", "loopback", "--receipt-timeout", "0"],
        &["--carriers", "loopback", "--receipt-timeout", "86401"],
    ] {
        let done = admin(&system, &[&["route", "add"], words].concat()).await;
        assert!(done.code == 2 && !done.err.is_empty(), "{words:?}: {done:?}");
    }
    printed(&system, &NEW_CM).await;
    assert_eq!(read(&system, &["route", "list"]).await["routes"], json!([]));
    printed(&system, &["route", "add", "--carriers", "loopback", "--receipt-timeout", "86400"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_route_changes_lose_no_update() {
    let system = &with_rules(&[&["--carriers", "loopback"]]).await;
    let added: Vec<_> = (30..34).map(|prefix| prefix.to_string()).collect();
    let add = async |prefix: &String| {
        printed(system, &["route", "add", "--carriers", "cm", "--prefix", prefix, "--at", "1"]).await
    };
    join_all(added.iter().map(add)).await;
    let before = read(system, &["route", "list"]).await;
    let listed: HashSet<_> = prefixes(&before).into_iter().collect();
    assert_eq!(listed, added.iter().map(String::as_str).chain(["-"]).collect());

    let removals = join_all((0..3).map(async |_| admin(system, &["--json", "route", "remove", "1"]).await)).await;
    let left = read(system, &["route", "list"]).await;
    let gone: HashSet<_> = listed.difference(&prefixes(&left).into_iter().collect()).map(ToString::to_string).collect();
    let mut named = HashSet::new();
    for done in removals {
        if done.code == 0 {
            let removed: Value = serde_json::from_str(&done.out).unwrap();
            named.insert(removed["removed"]["prefix"].as_str().unwrap_or("-").to_owned());
        } else {
            assert!(done.err.contains("another operator"), "{}", done.err);
        }
    }
    assert_eq!(gone, named, "exactly the reported rules are removed");
}

#[tokio::test]
async fn first_configured_carrier_gets_the_default_route() {
    let system = System::start().await;
    forget(&system, "routes").await;
    let done = admin(&system, &["--json", "carrier", "set", "loopback", "--endpoint", "http://localhost:1/"]).await;
    let set: Value = serde_json::from_str(&done.out).unwrap();
    assert!(set["route_added"] == true && done.err.contains("every message goes to loopback"), "{}", done.err);
    let everything = json!([{
        "name": null, "account": null, "sender": null, "channel": null, "prefix": null, "carriers": ["loopback"],
        "receipt_timeout_s": 300,
    }]);
    assert_eq!(read(&system, &["route", "list"]).await["routes"], everything);
    let again = admin(&system, &["carrier", "set", "loopback", "--endpoint", "http://[::1]:2/"]).await;
    assert!(again.code == 0 && !again.err.contains("route"), "{}", again.err);
    let second = admin(&system, &CM).await;
    assert!(second.code == 0 && second.err.contains("No route leads to cm yet"), "{}", second.err);
    assert_eq!(read(&system, &["route", "list"]).await["routes"], everything);
    // The operator removed the last rule, so `carrier set` adds no default again.
    printed(&system, &["route", "remove", "1"]).await;
    printed(&system, &CM).await;
    assert_eq!(read(&system, &["route", "list"]).await["routes"], json!([]));
}

#[tokio::test]
async fn carrier_key_is_read_from_stdin_and_never_shown() {
    let system = System::start().await;
    forget(&system, "carrier#cm").await;
    let early = admin_with_input(&system, "a-product-token", &["carrier", "key", "cm"]).await;
    assert!(early.code == 1 && early.err.contains("carrier add cm"), "{}", early.err);
    printed(&system, &NEW_CM).await;

    let stored = async || stored_secrets(&system).await;
    let before = stored().await;
    for line in ["", "\n", " \t \n", "two words\n", "bell\u{7}", "schlüssel", &"x".repeat(1_001)] {
        let done = admin_with_input(&system, line, &["carrier", "key", "cm"]).await;
        assert!(done.code == 1 && done.err.contains("Nothing was changed"), "{line:?}: {done:?}");
        assert!(line.trim().is_empty() || !done.err.contains(line.trim()), "{}", done.err);
    }
    assert_eq!(stored().await, before);

    let done = admin_with_input(&system, "  a-product-token \r\n", &["--json", "carrier", "key", "cm"]).await;
    assert!(done.code == 0 && done.err.contains("within five minutes"), "{done:?}");
    let mut shown = vec![format!("{done:?}")];
    for words in [&CM[..], &["carrier", "rotate", "cm"], &["carrier", "retire", "cm"], &["carrier", "show", "cm"]] {
        assert_eq!(stored().await["cm"]["credentials"]["key"], "a-product-token", "before {words:?}");
        let done = admin(&system, &[words, &["--json"]].concat()).await;
        assert!(done.code == 0 && done.out.contains("\"credentials_set\":true"), "{done:?}");
        shown.push(format!("{done:?}{:?}", admin(&system, words).await));
    }
    assert!(!shown.concat().contains("a-product-token"), "{shown:?}");
    assert_eq!(stored().await["loopback"], before["loopback"], "the other carrier's secret is unchanged");
    assert!(printed(&system, &["carrier", "show", "loopback"]).await.contains("not needed"));
}
