//! Malformed bodies: damaged samples, hostile nesting, and arbitrary bytes.

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

/// Values that replace parts of a sample. No error may repeat one.
pub(crate) const CANARIES: [&str; 2] = ["447911654321", "canary-in-a-mine"];
/// As deep as a body of 1 MiB can be.
const DEEP: usize = 100_000;

/// Calls `check` with damaged copies of the samples, hostile bodies and arbitrary ones.
pub(crate) fn each_malformed_body(samples: &[Vec<u8>], check: impl Fn(&[u8])) {
    for sample in samples {
        for body in damaged(sample) {
            check(&body);
        }
    }
    for deep in ["[", "{\"a\":", "<a>", "[{\"messages\":{\"msg\":"] {
        check(deep.repeat(DEEP).as_bytes());
    }
    arbitrary(&prop::collection::vec(any::<u8>(), 0..200), |body| check(&body));
    arbitrary(&"[<{\\[]?\\PC{0,100}", |text: String| check(text.as_bytes()));
}

/// Returns copies of the sample: cut, with a word replaced, and, if it is JSON, with a value replaced or a key
/// removed.
pub(crate) fn damaged(sample: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies: Vec<_> =
        (0..sample.len()).step_by(sample.len() / 100 + 1).map(|end| sample[..end].to_vec()).collect();
    for (start, end) in words(sample) {
        let replaced = |with: &[u8]| [&sample[..start], with, &sample[end..]].concat();
        bodies.extend(CANARIES.map(|canary| replaced(canary.as_bytes())));
        bodies.push(replaced(b""));
        bodies.push(replaced(b"\xFF"));
    }
    if let Ok(value) = serde_json::from_slice::<Value>(sample) {
        let values = damaged_values(&value);
        bodies.extend(values.iter().map(|value| value.to_string().into_bytes()));
    }
    bodies
}

/// Runs `check` on values of the strategy.
fn arbitrary<S: Strategy>(strategy: &S, check: impl Fn(S::Value)) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let run = TestRunner::new(config).run(strategy, |value| {
        check(value);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

/// Returns the ranges of letters and digits, at most 200.
fn words(sample: &[u8]) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, byte) in sample.iter().chain(b" ").enumerate() {
        match (byte.is_ascii_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words.truncate(200);
    words
}

/// Returns the value with each of its parts, in turn, replaced or removed.
fn damaged_values(value: &Value) -> Vec<Value> {
    let [number, word] = CANARIES;
    let mut values =
        vec![json!(null), json!(true), json!(-1.5), json!([]), json!({}), json!([number]), json!({word: number})];
    values.push(json!(number.parse::<u64>().unwrap()));
    values.push(json!([value, 7, value]));
    match value {
        Value::Object(fields) => {
            for key in fields.keys() {
                let mut without = fields.clone();
                without.remove(key);
                values.push(without.into());
                values.extend(damaged_values(&fields[key]).into_iter().map(|inner| {
                    let mut changed = fields.clone();
                    changed.insert(key.clone(), inner);
                    changed.into()
                }));
            }
        }
        Value::Array(listed) => {
            for (index, element) in listed.iter().enumerate().take(3) {
                values.extend(damaged_values(element).into_iter().map(|inner| {
                    let mut changed = listed.clone();
                    changed[index] = inner;
                    changed.into()
                }));
            }
        }
        _ => {}
    }
    values
}
