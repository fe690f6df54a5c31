//! Settings that a person or a test may switch on: a limit on an account's requests per minute, and the refusal of
//! unsubscribed numbers. Both are off by default, because most tests send faster and reuse numbers.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::ConnectionName;
use super::error::Error;
use crate::emulator::problem::{Fields, Problem};

const REQUESTS: &str = "requests_per_minute";
const UNSUBSCRIBED: &str = "refuses_unsubscribed";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[derive(Default)]
pub(super) struct Settings {
    most_requests: Option<u64>,
    pub(super) refuses_unsubscribed: bool,
    /// When each account's minute began, and its requests since then.
    used: HashMap<ConnectionName, (Timestamp, u64)>,
}

impl Settings {
    /// Parses `{"requests_per_minute": 30, "refuses_unsubscribed": true}`. A missing setting is off.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        fields.only(&[REQUESTS, UNSUBSCRIBED])?;
        Ok(Self {
            most_requests: fields.optional(REQUESTS, Fields::whole_number)?,
            refuses_unsubscribed: fields.optional(UNSUBSCRIBED, Fields::flag)?.unwrap_or_default(),
            used: HashMap::new(),
        })
    }

    /// Returns the settings as [`read`](Self::read) parses them.
    pub(super) fn shown(&self) -> Value {
        json!({ REQUESTS: self.most_requests, UNSUBSCRIBED: self.refuses_unsubscribed })
    }

    /// Counts a request, or refuses it until the minute is over.
    pub(super) fn admit(&mut self, name: &ConnectionName, now: Timestamp) -> Result<(), Error> {
        let Some(most) = self.most_requests else { return Ok(()) };
        let (start, used) = self.used.entry(name.clone()).or_insert((now, 0));
        let passed = now.duration_since(*start);
        if passed >= MINUTE {
            (*start, *used) = (now, 0);
        } else if *used >= most {
            let left = (MINUTE - passed).as_secs() + 1;
            return Err(Error::RateLimited { retry_after_s: u16::try_from(left).unwrap_or(1) });
        }
        *used += 1;
        Ok(())
    }
}
