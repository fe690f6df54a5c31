//! Architecture test of `shared/src`: top-level modules depend only on the rooms that [`ROOMS`] allows, no
//! vendor uses another, and in `flow` no file uses an item that the `mod.rs` of its step defines.
//!
//! The test reads every path that starts with `crate`, `super` or `self`, in `use` lines and in code,
//! including tests. It does not see paths among a macro's arguments.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod paths;
mod vendors;

use std::path::Path;

use self::paths::{Reference, references};

/// Rooms from the top, each with the rooms that it may use. For vendors see [`is_other_vendor`] too.
const ROOMS: [(&str, &str); 14] = [
    ("gateway", "edge flow dialects carriers store queue callbacks vendors formats domain runtime redact hash"),
    ("edge", "flow dialects carriers store queue callbacks vendors formats domain runtime redact hash"),
    ("flow", "dialects carriers store queue callbacks domain runtime redact hash"),
    ("dialects", "vendors domain runtime redact hash"),
    ("carriers", "store vendors domain runtime redact hash"),
    ("store", "domain runtime redact hash"),
    ("queue", "domain runtime redact hash"),
    ("callbacks", "domain runtime redact hash"),
    ("vendors", "formats domain runtime redact hash"),
    ("formats", "domain runtime redact hash"),
    ("domain", "runtime redact hash"),
    ("runtime", ""),
    ("redact", ""),
    ("hash", ""),
];

/// Items in `vendors` that every vendor may use: the contracts, sessions, webhook registration, and the test runner.
const CONTRACT: [&str; 11] = [
    "Connection",
    "Connector",
    "DialectFormat",
    "LoginError",
    "SessionKey",
    "Sessions",
    "Webhook",
    "WebhookCall",
    "WebhookSetupError",
    "WebhookTargets",
    "testing",
];

/// Items of `runtime` that `domain` may use. Tests can replace both.
const RUNTIME_FOR_DOMAIN: [&str; 2] = ["Clock", "Random"];

#[test]
fn arrows_between_rooms_point_down() {
    let found = sources();
    assert!(found.len() > 1_000, "only {} references were read", found.len());
    let wrong: Vec<_> = found.iter().filter_map(fault).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src");
    let mut rooms: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "lib")
        .collect();
    rooms.sort_unstable();
    let mut known = ROOMS.map(|(room, _)| room);
    known.sort_unstable();
    assert_eq!(rooms, known);
}

#[test]
fn forbidden_arrows_are_found() {
    let fault = |from: &[&str], to: &[&str]| {
        let own = |path: &[&str]| path.iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
        fault(&Reference {
            file: "x.rs".to_owned(),
            from: own(from),
            to: own(to),
            submodules: vec!["claim".to_owned()],
        })
    };
    for (from, to) in [
        (&["domain", "message"][..], &["flow", "submit"][..]),
        (&["domain"], &["runtime", "Metrics"]),
        (&["vendors", "cm", "carrier"], &["vendors", "cymba", "dialect"]),
        (&["vendors", "cm"], &["carriers", "Submitter"]),
        (&["store", "dynamo"], &["queue", "Job"]),
        (&["runtime"], &["domain", "Message"]),
        (&["flow", "submit", "attempt"], &["flow", "submit", "submit"]),
        (&["flow", "submit", "recovery", "lookup"], &["flow", "submit", "is_blocked"]),
    ] {
        assert!(fault(from, to).is_some(), "{from:?} -> {to:?}");
    }
    for (from, to) in [
        (&["flow", "submit"][..], &["domain", "Message"][..]),
        (&["flow", "submit", "attempt"], &["flow", "Gateway"]),
        (&["flow", "submit", "attempt"], &["flow", "submit", "claim", "release"]),
        (&["domain", "message"], &["runtime", "Random"]),
        (&["vendors", "cm", "carrier"], &["vendors", "cm", "xml"]),
        (&["gateway"], &["edge", "Problem"]),
    ] {
        assert_eq!(fault(from, to), None, "{from:?} -> {to:?}");
    }
}

fn sources() -> Vec<Reference> {
    references(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src"))
}

fn fault(reference: &Reference) -> Option<String> {
    let Reference { file, from, to, .. } = reference;
    let says = |why: &str| Some(format!("{file}: {} uses crate::{}: {why}", from.join("::"), to.join("::")));
    let (Some(room), Some(used)) = (from.first(), to.first()) else { return None };
    if room != used {
        let allowed = ROOMS.iter().find(|(name, _)| name == room).map_or("", |(_, allowed)| *allowed);
        if !allowed.split(' ').any(|room| room == used) {
            return says(&format!("{room} may not use {used}"));
        }
        let is_known = to.get(1).is_none_or(|item| RUNTIME_FOR_DOMAIN.contains(&item.as_str()));
        if room == "domain" && used == "runtime" && !is_known {
            return says("domain may use only the clock and the randomness of runtime");
        }
        return None;
    }
    if is_other_vendor(from, to) {
        return says("a vendor may not use another");
    }
    if calls_back(reference) {
        return says("a file of a step may not use its parent's items");
    }
    None
}

fn is_other_vendor(from: &[String], to: &[String]) -> bool {
    let is_vendor = |path: &[String]| path[0] == "vendors" && path.len() > 1 && !CONTRACT.contains(&path[1].as_str());
    is_vendor(from) && is_vendor(to) && from[1] != to[1]
}

/// Returns whether a file in a folder of `flow` uses an item that the folder's `mod.rs` defines. The items of
/// `flow/mod.rs` itself are free for all.
fn calls_back(Reference { from, to, submodules, .. }: &Reference) -> bool {
    let (Some((item, parent)), true) = (to.split_last(), from[0] == "flow") else { return false };
    let is_ancestor = parent.len() > 1 && from.len() > parent.len() && from.starts_with(parent);
    is_ancestor && item != "*" && !submodules.contains(item)
}
