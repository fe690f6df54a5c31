//! The limit on an account's requests a minute. It is off unless a person sets it, because tests send faster.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::ConnectionName;
use super::error::Error;
use crate::emulator::problem::{Fields, Problem};

const FIELD: &str = "requests_per_minute";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[derive(Default)]
pub(super) struct RateLimit {
    most: Option<u64>,
    /// The start of each account's minute, and its requests since then.
    used: HashMap<ConnectionName, (Timestamp, u64)>,
}

impl RateLimit {
    /// Parses `{"requests_per_minute": 30}`, or `{}` for no limit.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body)?;
        fields.only(&[FIELD])?;
        Ok(Self { most: fields.optional(FIELD, Fields::whole_number)?, used: HashMap::new() })
    }

    /// Returns the setting as [`read`](Self::read) parses it.
    pub(super) fn setting(&self) -> Value {
        self.most.map_or_else(|| json!({}), |most| json!({ FIELD: most }))
    }

    /// Counts a request, or refuses it until the minute is over.
    pub(super) fn admit(&mut self, name: &ConnectionName, now: Timestamp) -> Result<(), Error> {
        let Some(most) = self.most else { return Ok(()) };
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
