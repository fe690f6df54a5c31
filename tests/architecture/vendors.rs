//! Checks that the files below name every vendor, and that `docs/api.md` names every path. No other check
//! would notice that a vendor is missing from the help, the fuzzing, the hostile tests or the document.

use std::{fs, path::Path};

use serde_json::Value;
use shared::domain::{CarrierName, Dialect};
use strum::IntoEnumIterator;

/// Files that name every carrier.
const OF_CARRIERS: [&str; 4] = [
    "infra/admin/src/arguments/carriers.rs",
    "tests/fuzz/dictionaries/records.dict",
    "tests/hostile/canary/traffic.rs",
    "tests/hostile/injection.rs",
];
/// Files that name every dialect.
const OF_DIALECTS: [&str; 3] = ["docs/api.md", "tests/fuzz/dictionaries/records.dict", "tests/fuzz/run"];

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// Returns whether no word of the file is the name.
fn lacks(file: &str, name: &str) -> bool {
    !read(file).split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
}

#[test]
fn every_vendor_is_named_in_each_listed_file() {
    assert!(lacks(OF_CARRIERS[0], "nobody"));
    let carriers = OF_CARRIERS.iter().flat_map(|file| CarrierName::iter().map(move |name| (file, name.into_str())));
    let dialects = OF_DIALECTS.iter().flat_map(|file| Dialect::iter().map(move |name| (file, name.into_str())));
    let missing: Vec<_> = carriers.chain(dialects).filter(|(file, name)| lacks(file, name)).collect();
    assert!(missing.is_empty(), "files that lack a vendor: {missing:?}");
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
