//! Checks that the places below know every vendor and every dialect. The compiler, and the tests that go over
//! all of them (pairs, sweep, seeds, properties), notice any other place that lacks one: see "Add a vendor" in
//! `docs/CONTRIBUTING.md`.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use shared::domain::{Dialect, Vendor};
use strum::IntoEnumIterator;

/// Files that name every vendor with a connector, by its name in the code.
const OF_VENDORS: [&str; 2] = ["tests/fuzz/dictionaries/records.dict", "infra/local/local.toml"];
/// Documents that name every such vendor, by its name for people. Loopback exists only on a laptop.
const DOCUMENTS: [&str; 3] = ["README.md", "docs/local-development.md", "docs/operations.md"];
/// Files that name every dialect.
const OF_DIALECTS: [&str; 4] = ["README.md", "docs/api.md", "tests/fuzz/dictionaries/records.dict", "tests/fuzz/run"];
/// Samples in `tests/fixtures/carriers/VENDOR`, for properties, fuzzing and hostile webhooks.
const SAMPLES: [&str; 3] = ["answer", "receipt", "reply"];

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap()
}

/// Returns whether no word of the file is the name.
fn lacks(file: &str, name: &str) -> bool {
    !read(file).split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
}

#[test]
fn every_vendor_is_named_in_each_listed_file() {
    assert!(lacks(OF_VENDORS[0], "nobody"));
    let names = OF_VENDORS.iter().flat_map(|file| Vendor::iter().map(move |vendor| (*file, vendor.into_str())));
    let dialects = OF_DIALECTS.iter().flat_map(|file| Dialect::iter().map(move |name| (*file, name.into_str())));
    let missing: Vec<_> = names.chain(dialects).filter(|(file, name)| lacks(file, name)).collect();
    assert!(missing.is_empty(), "files that lack a vendor or a dialect: {missing:?}");
    let real = || Vendor::iter().filter(|vendor| *vendor != Vendor::Loopback);
    let titles = DOCUMENTS.iter().flat_map(|file| real().map(move |vendor| (*file, vendor.profile().title)));
    let missing: Vec<_> = titles.filter(|(file, title)| !read(file).contains(title)).collect();
    assert!(missing.is_empty(), "documents that lack a vendor: {missing:?}");
}

#[test]
fn every_vendor_has_its_folders_and_samples() {
    let mut missing = Vec::new();
    for vendor in Vendor::iter() {
        for folder in ["shared/src/vendors", "infra/local/src/emulator/carriers", "tests/fixtures/carriers"] {
            let folder = format!("{folder}/{vendor}");
            if !path(&folder).is_dir() {
                missing.push(folder);
            }
        }
        let simulation_tests = format!("infra/local/src/emulator/tests/{vendor}.rs");
        if !path(&simulation_tests).exists() {
            missing.push(simulation_tests);
        }
        let files = fs::read_dir(path(&format!("tests/fixtures/carriers/{vendor}"))).into_iter().flatten();
        let files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let lacking = SAMPLES.iter().filter(|kind| !files.iter().any(|file| file.starts_with(**kind)));
        missing.extend(lacking.map(|kind| format!("tests/fixtures/carriers/{vendor}/{kind}*")));
    }
    assert!(missing.is_empty(), "there is no {missing:?}");
}

#[test]
fn every_connector_and_dialect_has_table_tests() {
    let tests = |folder: &str| {
        let files = [format!("{folder}/tests.rs"), format!("{folder}/tests/mod.rs")];
        files.iter().find(|file| path(file).exists()).map(|file| read(file))
    };
    let mut lacking = Vec::new();
    for vendor in fs::read_dir(path("shared/src/vendors")).unwrap().map(|entry| entry.unwrap().path()) {
        let vendor = vendor.file_name().unwrap().to_str().unwrap().to_owned();
        let [carrier, dialect] = ["carrier", "dialect"].map(|part| format!("shared/src/vendors/{vendor}/{part}"));
        if path(&carrier).is_dir() && !tests(&carrier).is_some_and(|text| text.contains("connector_tests!")) {
            lacking.push(format!("{carrier}/tests.rs with connector_tests!"));
        }
        if path(&dialect).is_dir() && tests(&dialect).is_none_or(|text| text.is_empty()) {
            lacking.push(format!("{dialect}/tests.rs"));
        }
    }
    assert!(lacking.is_empty(), "there is no {lacking:?}");
}

#[test]
fn paths_of_dialects_hide_no_simulation() {
    // `local` serves the simulated vendors below `/{vendor}`.
    let is_of_vendor = |path: &str| Vendor::iter().any(|vendor| path.starts_with(&format!("/{vendor}/")));
    let hiding: Vec<_> = Dialect::iter().flat_map(Dialect::paths).filter(|path| is_of_vendor(path)).collect();
    assert!(hiding.is_empty(), "paths of dialects that begin with a vendor's name: {hiding:?}");
}

#[test]
fn paths_of_dialects_are_those_of_send() {
    let template = read("template.yaml");
    let send = template.split("CodeUri: functions/send\n").nth(1).unwrap().split("CodeUri:").next().unwrap();
    let deployed =
        send.split("Path: ").skip(1).map(|rest| rest.lines().next().unwrap().trim_end_matches('}').trim_matches('\''));
    let deployed: BTreeSet<_> = deployed.collect();
    let served: BTreeSet<_> = Dialect::iter().flat_map(Dialect::paths).copied().collect();
    assert_eq!(served, deployed, "paths of the dialects, and of `send` in template.yaml");
}

#[test]
fn every_path_is_in_the_api_document() {
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let page = read("docs/api.md");
    // `api.md` shortens the second path for receipts.
    let paths = document["paths"].as_object().unwrap().keys().filter(|path| !path.ends_with("/{messageId}"));
    let missing: Vec<_> = paths.filter(|path| !page.contains(&format!(" {path}"))).collect();
    assert!(missing.is_empty(), "docs/api.md lacks {missing:?}");
}
