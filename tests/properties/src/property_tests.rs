//! Property tests: each property of the fuzz targets, with about a second of inputs. A failure prints its
//! smallest input and keeps its seed in `proptest-regressions`. Inputs that libFuzzer found are
//! in `regressions` and are tried in every run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use shared::domain::Content;

use super::{answers, receipts, records, replies, requests, text, values};

type Property = fn(&[u8]);

const ALL: [(&str, Property); 7] = [
    ("requests", requests),
    ("receipts", receipts),
    ("replies", replies),
    ("answers", answers),
    ("records", records),
    ("text", text),
    ("values", values),
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..160),
        1 => "\\PC{0,80}".prop_map(String::into_bytes),
        1 => "[\\[\\]{}:,\"<>/&;=0-9a-z ]{0,80}".prop_map(String::into_bytes),
    ]
}

fn few() -> ProptestConfig {
    ProptestConfig::with_cases(96)
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn rendered_request_is_read_alike(bytes in bytes()) {
        requests(&bytes);
    }

    #[test]
    fn receipt_reads_the_same_in_every_notation(bytes in bytes()) {
        receipts(&bytes);
    }

    #[test]
    fn reply_is_valid_or_names_the_invalid_field(bytes in bytes()) {
        replies(&bytes);
    }

    #[test]
    fn readable_record_round_trips_and_errors_hold_no_content(bytes in bytes()) {
        records(&bytes);
    }

    #[test]
    fn text_is_counted_and_split_as_the_network_does(bytes in bytes()) {
        text(&bytes);
    }

    #[test]
    fn value_round_trips_through_its_canonical_spelling(bytes in bytes()) {
        values(&bytes);
    }
}

proptest! {
    // Fewer cases, because each case posts over sockets.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_message_has_one_outcome_for_any_carrier_answer(bytes in bytes()) {
        answers(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn rich_content_number_is_stored_as_read(number in any::<f64>()) {
        let written = serde_json::json!({"conversation": [{"contacts": [{"number": number}]}]}).to_string();
        let content = Content::of_json(&written).unwrap();
        prop_assert!(Content::of_json(&content.to_json()).unwrap() == content, "{}", number);
    }
}

#[test]
fn vendor_samples_satisfy_every_property() {
    let samples = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"));
    assert!(samples.len() > 50);
    for sample in samples {
        let bytes = fs::read(sample).unwrap();
        for (_, promise) in ALL {
            promise(&bytes);
        }
    }
}

#[test]
fn recorded_regressions_stay_fixed() {
    for (name, promise) in ALL {
        for input in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name)) {
            promise(&fs::read(input).unwrap());
        }
    }
}

#[test]
fn every_property_has_a_fuzz_target_and_vice_versa() {
    let targets = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/targets"));
    assert_eq!(targets.len(), ALL.len());
    for (name, _) in ALL {
        let target = targets.iter().find(|target| target.file_stem().is_some_and(|stem| stem == name)).unwrap();
        assert!(fs::read_to_string(target).unwrap().contains(&format!("properties::{name}(bytes)")), "{name}");
    }
}

/// Lists all files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
