//! Inputs that are almost right. Bytes that are made up seldom get past a JSON or
//! XML parser; here they are read as a list of changes to a sample of a vendor's
//! document, and what comes of it is still JSON, or nearly XML. The same bytes make
//! the same input.

use serde_json::{Map, Value, json};

/// The most changes that are made to one sample.
const MAX_CHANGES: usize = 24;

/// A sample that has grown to more values than this grows no more.
const MAX_VALUES: usize = 2000;

/// Bytes that are taken one by one as choices.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte, until there are no more.
    pub fn next(&mut self) -> Option<usize> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(*first))
    }

    /// The next choice among so many; the first of them when there are no more bytes.
    pub fn below(&mut self, choices: usize) -> usize {
        let high = if choices > 256 { self.next().unwrap_or_default() } else { 0 };
        (high * 256 + self.next().unwrap_or_default()) % choices.max(1)
    }

    /// One of them.
    pub fn pick<'b, T>(&mut self, among: &'b [T]) -> &'b T {
        &among[self.below(among.len())]
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// What texts are tempted with.
pub const TEXTS: [&str; 30] = [
    "",
    " ",
    "0",
    "00",
    "+447700900001",
    "00447700900001",
    "447700900001x",
    "4477009000010",
    "-1",
    "1e3",
    "65536",
    "99999999999999999999",
    "SMS",
    "Apple Business Chat",
    "auto",
    "8",
    "90M",
    "2027-02-21T09:30:00",
    "2027-02-21 09:30:00.123456789 GMT+13:59",
    "-009999-12-31T23:59:59Z",
    "0197a3a0-0000-7000-8000-000000000001",
    "0197a3a0000070008000000000000001",
    "0000000000000000000000001x1",
    "https://a.example/x?y=z#1",
    "http://[::1]:99999/",
    "STOP",
    "€[😀]\u{301}ΐ",
    "a\u{0}b\u{1b}\u{7f}\u{85}\r\n\t",
    "\u{feff}\u{202e}\u{a0}\u{3000}",
    "<&\"']]>\u{fffd}\u{10ffff}",
];

/// What values are replaced with.
fn value(choices: &mut Choices<'_>) -> Value {
    match choices.below(16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(float(choices)),
        5 => json!(u64::MAX),
        6 => json!([]),
        7 => json!({}),
        8 => json!(choices.pick(&TEXTS).repeat(choices.below(200))),
        9 => (0..choices.below(120)).fold(json!("deep"), |inner, _| json!([inner])),
        10 => json!(choices.below(1000)),
        11 => json!([choices.pick(&TEXTS), choices.pick(&TEXTS)]),
        _ => json!(choices.pick(&TEXTS)),
    }
}

/// Any number that JSON has.
fn float(choices: &mut Choices<'_>) -> f64 {
    let bits = (0..8).fold(0, |bits: u64, _| (bits << 8) | choices.below(256) as u64);
    Some(f64::from_bits(bits)).filter(|float| float.is_finite()).unwrap_or(1.5e300)
}

/// The sample with some of its values changed, as the bytes choose.
pub fn json(sample: &Value, choices: &mut Choices<'_>) -> Value {
    let mut changed = sample.clone();
    for _ in 0..MAX_CHANGES {
        let values = count(&changed);
        if choices.is_over() || values > MAX_VALUES {
            break;
        }
        let index = choices.below(values);
        let choice = choices.below(9);
        if let Some(node) = at(&mut changed, &mut { index }) {
            change(node, choice, choices);
        }
    }
    changed
}

/// How many values there are in it, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The value at that place in the order of reading.
fn at<'a>(value: &'a mut Value, index: &mut usize) -> Option<&'a mut Value> {
    if *index == 0 {
        return Some(value);
    }
    *index -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| at(value, index)),
        Value::Object(fields) => fields.values_mut().find_map(|value| at(value, index)),
        _ => None,
    }
}

fn change(node: &mut Value, choice: usize, choices: &mut Choices<'_>) {
    match (choice, &mut *node) {
        (0, Value::Object(fields)) => drop(key(fields, choices).and_then(|key| fields.remove(&key))),
        (1, Value::Object(fields)) => {
            if let Some(value) = key(fields, choices).and_then(|key| fields.remove(&key)) {
                let to = key(fields, choices).unwrap_or_else(|| (*choices.pick(&TEXTS)).to_owned());
                fields.insert(to.to_uppercase(), value);
            }
        }
        (2, Value::Object(fields)) => {
            let name = (*choices.pick(&TEXTS)).to_owned();
            fields.insert(name, value(choices));
        }
        (3, Value::Array(values)) if !values.is_empty() => {
            let one = values[choices.below(values.len())].clone();
            values.extend(std::iter::repeat_n(one, choices.below(40)));
        }
        (4, Value::Array(values)) if !values.is_empty() => drop(values.remove(choices.below(values.len()))),
        (0..=4, Value::String(text)) => *text = pieces(text, |_| true, &TEXTS, choices),
        (5, _) => *node = json!([node.take()]),
        (6, Value::Number(number)) => *node = json!(number.to_string()),
        _ => *node = value(choices),
    }
}

fn key(fields: &Map<String, Value>, choices: &mut Choices<'_>) -> Option<String> {
    let index = choices.below(fields.len());
    fields.keys().nth(index).cloned()
}

/// The sample cut before the characters that `begins` names, with some of its
/// pieces left out, doubled, changed places, or something between them.
pub fn pieces(sample: &str, begins: fn(char) -> bool, between: &[&str], choices: &mut Choices<'_>) -> String {
    let mut pieces: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, _) in sample.char_indices().filter(|(at, character)| *at > 0 && begins(*character)) {
        pieces.push(&sample[start..at]);
        start = at;
    }
    pieces.push(&sample[start..]);
    let changes = 1 + choices.below(8);
    for _ in 0..changes {
        let (index, other) = (choices.below(pieces.len()), choices.below(pieces.len()));
        match choices.below(6) {
            0 => drop(pieces.remove(index)),
            1 => pieces.insert(other, pieces[index]),
            2 => pieces.swap(index, other),
            3 => pieces.extend(vec![pieces[index]; choices.below(30)]),
            _ => pieces.insert(index, between[choices.below(between.len())]),
        }
        if pieces.is_empty() {
            break;
        }
    }
    pieces.concat()
}
