//! Rate limits. The network limits each sender ID, whether one account owns it or all accounts share it.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::domain::SenderId;

const MOST: u16 = 1_000;

/// 1 to 1,000 messages per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Rate(u16);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a rate is 1 to 1,000 messages a second")]
pub struct RateError;

impl Rate {
    /// # Errors
    /// If `per_second` is 0 or more than 1,000.
    pub fn new(per_second: u16) -> Result<Self, RateError> {
        if (1..=MOST).contains(&per_second) { Ok(Self(per_second)) } else { Err(RateError) }
    }

    #[must_use]
    pub fn per_second(self) -> u16 {
        self.0
    }

    /// Returns how long it takes to send `messages` messages at this rate, rounded up to the microsecond.
    #[must_use]
    pub fn time_for(self, messages: usize) -> SignedDuration {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        let micros = messages.saturating_mul(1_000_000).div_ceil(u64::from(self.0));
        SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        text.parse().map_err(|_| RateError).and_then(Self::new)
    }
}

impl TryFrom<u16> for Rate {
    type Error = RateError;

    fn try_from(per_second: u16) -> Result<Self, RateError> {
        Self::new(per_second)
    }
}

impl From<Rate> for u16 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a second", self.0)
    }
}

/// Rate limits by sender. Clones share the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Arc<BTreeMap<SenderId, Rate>>);

impl Rates {
    /// Returns `None` for a sender without a limit.
    #[must_use]
    pub fn of(&self, sender: &SenderId) -> Option<Rate> {
        self.0.get(sender).copied()
    }
}

impl FromIterator<(SenderId, Rate)> for Rates {
    fn from_iter<I: IntoIterator<Item = (SenderId, Rate)>>(rates: I) -> Self {
        Self(Arc::new(rates.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_a_whole_number_from_1_to_1000() {
        for (text, per_second) in [("1", 1), ("10", 10), ("1000", 1_000)] {
            assert_eq!(text.parse::<Rate>().map(Rate::per_second), Ok(per_second));
        }
        for text in ["", "0", "-1", "1001", "65546", "1.5", "ten"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
        assert!(serde_json::from_str::<Rate>("0").is_err());
    }

    #[test]
    fn time_for_messages_is_rounded_up() {
        for (per_second, messages, micros) in
            [(10, 0, 0), (10, 1, 100_000), (10, 300, 30_000_000), (3, 1, 333_334), (3, 3, 1_000_000), (700, 1, 1_429)]
        {
            let rate = Rate::new(per_second).unwrap();
            assert_eq!(rate.time_for(messages).as_micros(), micros, "{messages} at {rate}");
        }
        assert!(Rate::new(1).unwrap().time_for(usize::MAX) > SignedDuration::from_hours(24 * 366));
    }
}
