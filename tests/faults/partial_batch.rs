//! A batch call that AWS processes only in part: half is done, and half is returned as unprocessed.

use serde_json::{Value, json};
use tests::Request;

use crate::fault::Answer;

/// For each batch call: its name, the answer's field for unprocessed entries, and the answer if no entry
/// was processed.
const BATCHES: [(&str, &str, &str); 3] = [
    ("DynamoDB BatchWriteItem", "UnprocessedItems", "{}"),
    ("DynamoDB BatchGetItem", "UnprocessedKeys", r#"{"Responses": {}}"#),
    ("SQS SendMessageBatch", "Failed", r#"{"Successful": []}"#),
];

pub fn is_batch(name: &str) -> bool {
    BATCHES.iter().any(|(known, ..)| *known == name)
}

pub struct PartialBatch {
    /// The request with the first half, unless that is empty.
    pub done: Option<Request>,
    left_under: &'static str,
    left: Value,
    answer_of_none: &'static str,
}

impl PartialBatch {
    pub fn of(name: &str, request: Request) -> Self {
        let &(_, left_under, answer_of_none) = BATCHES.iter().find(|(known, ..)| *known == name).unwrap();
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        let entries = entries(&mut body);
        let rest = entries.split_off(entries.len() / 2);
        let is_empty = entries.is_empty();
        let left = if left_under == "Failed" {
            let failed = |entry: &Value| json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError"});
            rest.iter().map(failed).collect()
        } else {
            let mut whole: Value = serde_json::from_slice(&request.body).unwrap();
            *self::entries(&mut whole) = rest;
            whole["RequestItems"].take()
        };
        let done = (!is_empty).then(|| Request { body: body.to_string().into(), ..request });
        Self { done, left_under, left, answer_of_none }
    }

    /// Adds the unprocessed half to the answer for the processed half.
    pub fn answer(self, of_done: Option<Answer>) -> Answer {
        let answer = of_done.unwrap_or_else(|| Answer { body: self.answer_of_none.into(), ..Answer::ok() });
        if !answer.is_success() {
            return answer;
        }
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        body[self.left_under] = self.left;
        Answer { body: body.to_string().into(), ..answer.without_checksum() }
    }
}

/// Returns the batch's entries. The gateway's batches use a single table.
fn entries(body: &mut Value) -> &mut Vec<Value> {
    if body["Entries"].is_array() {
        return body["Entries"].as_array_mut().unwrap();
    }
    let tables = body["RequestItems"].as_object_mut().unwrap();
    let of_table = tables.values_mut().next().unwrap();
    let of_table = if of_table.is_array() { of_table } else { &mut of_table["Keys"] };
    of_table.as_array_mut().unwrap()
}
