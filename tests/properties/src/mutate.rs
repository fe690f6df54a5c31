//! Almost valid inputs. Random bytes seldom get past a JSON or XML parser, so we read them as changes
//! to a sample. The result is still JSON, or nearly XML, and depends only on the sample and the bytes.

use serde_json::{Map, Value, json};

/// Maximum changes to a sample.
const MAX_CHANGES: usize = 24;

/// We stop changing a sample that has more values than this.
const MAX_VALUES: usize = 2000;

/// Bytes read as a sequence of choices.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the next byte, or `None` at the end.
    pub fn next(&mut self) -> Option<usize> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(*first))
    }

    /// Returns a choice below `choices`, or 0 after the last byte.
    pub fn below(&mut self, choices: usize) -> usize {
        let high = if choices > 256 { self.next().unwrap_or_default() } else { 0 };
        (high * 256 + self.next().unwrap_or_default()) % choices.max(1)
    }

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

/// Texts likely to break a parser.
pub const TEXTS: [&str; 32] = [
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
    "Telegram Messenger",
    "2027-02-21T09:30:00-08:00",
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

/// Returns any finite number.
fn float(choices: &mut Choices<'_>) -> f64 {
    let bits = (0..8).fold(0, |bits: u64, _| (bits << 8) | choices.below(256) as u64);
    Some(f64::from_bits(bits)).filter(|float| float.is_finite()).unwrap_or(1.5e300)
}

/// Returns the sample with some values changed.
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

/// Counts a value and the values inside.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns the value at an index in depth-first order.
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

/// Cuts the sample before each character for which `begins` is true. Removes, copies or swaps some
/// pieces, or inserts texts from `between`.
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
