//! The account's opt-outs, senders and key: `/v3/unsubscribes`, `/v3/send/validate-recipients`,
//! `/v3/dedicated-numbers` and `/v3/auth/verify-api-key`.
//!
//! The pages have the paths and parts of the answers. Where they are silent, the choices are ours:
//!
//! - `POST /v3/send/validate-recipients` answers with the lists `invalid` and `unsubscribed` in `data`. An entry
//!   repeats the recipient's `number` and `externalId` as the request has them, and an invalid one has the `reason`. A
//!   number with a wrong JSON type is a request error.
//! - `GET /v3/unsubscribes` answers 501, because no index lists opted-out numbers by account.
//! - The dedicated numbers include a sender that is no phone number, as it is.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{
    fields::{flag, given, read_object, short_text},
    number::read_number,
    paging::answer,
};
use crate::{
    domain::{CallingCode, FieldError, FieldErrorCode as Code, PhoneNumber, Reference, SenderId},
    formats::{
        field::{self, keep},
        number,
    },
};

/// The most recipients in a validation.
pub const MOST_RECIPIENTS: usize = 1_000;
/// The longest number that an answer repeats, in characters.
const LONGEST_REPEATED: usize = 40;

/// Reads the body of `POST /v3/unsubscribes`.
///
/// # Errors
/// The number or the body is invalid.
pub fn read_unsubscribe(body: &[u8], country: Option<CallingCode>) -> Result<PhoneNumber, FieldError> {
    read_number(read_object(body)?.get("number"), "number", country)
}

/// Returns the answer to `POST /v3/unsubscribes`.
#[must_use]
pub fn unsubscribed() -> String {
    answer("The number was unsubscribed.", Value::Null)
}

#[derive(Serialize)]
struct Subscription {
    unsubscribed: bool,
}

/// Returns the answer to `GET /v3/unsubscribes/{number}`.
#[must_use]
pub fn subscription(is_unsubscribed: bool) -> String {
    let message = if is_unsubscribed { "The number is unsubscribed." } else { "The number is not unsubscribed." };
    answer(message, Subscription { unsubscribed: is_unsubscribed })
}

/// The body of `POST /v3/send/validate-recipients`.
pub struct Validation {
    recipients: Vec<Recipient>,
    pub wants_unsubscribed: bool,
}

struct Recipient {
    shown: ShownRecipient,
    number: Option<PhoneNumber>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRecipient {
    number: String,
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Reads the body of `POST /v3/send/validate-recipients`.
///
/// # Errors
/// All errors in the fields or the body. A malformed number is not an error here, but an entry in the answer.
pub fn read_validation(body: &[u8], country: Option<CallingCode>) -> Result<Validation, Vec<FieldError>> {
    let object = read_object(body).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let wants_unsubscribed = keep(flag(&object, "validateUnsubscribes"), &mut errors).flatten();
    let listed = field::messages(object.get("recipients"), "recipients", MOST_RECIPIENTS);
    let listed = keep(listed, &mut errors).unwrap_or_default().iter().enumerate();
    let recipients = listed.filter_map(|(index, value)| read_recipient(index, value, country, &mut errors)).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Validation { recipients, wants_unsubscribed: wants_unsubscribed.unwrap_or_default() })
}

fn read_recipient(
    index: usize,
    value: &Value,
    country: Option<CallingCode>,
    errors: &mut Vec<FieldError>,
) -> Option<Recipient> {
    let name = |field: &str| format!("recipients[{index}].{field}");
    let Value::Object(object) = value else {
        let words = "must be an object {\"number\", \"externalId\"}";
        errors.push(FieldError::new(format!("recipients[{index}]"), Code::WrongType, words));
        return None;
    };
    let id = short_text(object, "externalId", 4 * Reference::LONGEST).map(|id| id.map(str::to_owned));
    let id = keep(id.map_err(|error| FieldError { field: name("externalId"), ..error }), errors);
    let written =
        given(object, "number").map(|number| number.as_str().map_or_else(|| number.to_string(), str::to_owned));
    let shown = |reason| ShownRecipient {
        number: written.iter().flat_map(|written| written.chars()).take(LONGEST_REPEATED).collect(),
        external_id: id.clone().flatten(),
        reason,
    };
    match read_number(object.get("number"), &name("number"), country) {
        Ok(number) => Some(Recipient { shown: shown(None), number: Some(number) }),
        Err(error) if matches!(error.code, Code::Missing | Code::WrongType) => {
            errors.push(error);
            None
        }
        Err(error) => Some(Recipient { shown: shown(Some(error.message)), number: None }),
    }
}

impl Validation {
    /// Returns the valid numbers.
    #[must_use]
    pub fn numbers(&self) -> BTreeSet<PhoneNumber> {
        self.recipients.iter().filter_map(|recipient| recipient.number.clone()).collect()
    }

    /// Returns the answer. `unsubscribed` has the numbers with an opt-out.
    #[must_use]
    pub fn answer(self, unsubscribed: &BTreeSet<PhoneNumber>) -> String {
        let (valid, invalid): (Vec<_>, Vec<_>) = self.recipients.into_iter().partition(|one| one.number.is_some());
        let is_out = |one: &Recipient| one.number.as_ref().is_some_and(|number| unsubscribed.contains(number));
        let shown = |listed: Vec<Recipient>| listed.into_iter().map(|one| one.shown).collect();
        let out = valid.into_iter().filter(is_out).collect();
        answer("The recipients were validated.", Validated { invalid: shown(invalid), unsubscribed: shown(out) })
    }
}

#[derive(Serialize)]
struct Validated {
    invalid: Vec<ShownRecipient>,
    unsubscribed: Vec<ShownRecipient>,
}

#[derive(Serialize)]
struct Key<'a> {
    name: &'a str,
}

/// Returns the answer to `GET /v3/auth/verify-api-key`.
#[must_use]
pub fn verified(account_name: &str) -> String {
    answer("The API key was verified.", Key { name: account_name })
}

#[derive(Serialize)]
struct DedicatedNumber {
    /// The value for `longcodeId` in requests.
    id: u64,
    number: String,
}

/// Returns the answer to `GET /v3/dedicated-numbers`.
#[must_use]
pub fn dedicated_numbers(senders: &[SenderId]) -> String {
    let listed = senders.iter();
    let listed = listed.map(|sender| DedicatedNumber { id: sender.number(), number: number::sender("+", sender) });
    answer("Dedicated numbers retrieved successfully.", listed.collect::<Vec<_>>())
}
