//! Refusals of requests that did not come from the vendor.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{CarrierName, Channel};

/// The refusals of a message's requests on the way to a carrier, on one channel, in answers that the vendor's page does not describe: by a
/// firewall, or because the carrier does not know us.
///
/// We count a refusal against the message only if the carrier accepted another message on the channel since the last one.
/// So while the carrier refuses everything, the count does not grow. Refusals that follow each other closely count once, because a
/// firewall may also refuse what comes too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    pub carrier: CarrierName,
    pub channel: Channel,
    /// The refusals that count against the message.
    pub count: u8,
    pub last_at: Timestamp,
}

impl Refusals {
    /// Refusals after which the message is rejected.
    const LIMIT: u8 = 3;
    /// A refusal counts only this long after the last one.
    const APART: SignedDuration = SignedDuration::from_secs(10);
    /// A refused message waits at least this long before the next attempt.
    pub const RETRY_AFTER: Duration = Duration::from_secs(20);

    /// Records a refusal. `accepted_since` tells whether the carrier accepted another message on the channel after a
    /// time. Returns the carrier's refusals on the channel so far.
    pub fn record(
        all: &mut Vec<Self>,
        carrier: CarrierName,
        channel: Channel,
        at: Timestamp,
        accepted_since: impl FnOnce(Timestamp) -> bool,
    ) -> Self {
        let Some(known) = all.iter_mut().find(|known| (known.carrier, known.channel) == (carrier, channel)) else {
            // Nothing is known about other messages yet.
            let first = Self { carrier, channel, count: 1, last_at: at };
            all.push(first);
            return first;
        };
        let counts = at.duration_since(known.last_at) >= Self::APART && accepted_since(known.last_at);
        known.count = known.count.saturating_add(u8::from(counts));
        known.last_at = at;
        *known
    }

    #[must_use]
    pub fn has_reached_limit(self) -> bool {
        self.count >= Self::LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn refusals_are_counted_for_each_carrier_and_channel() {
        let [one, other] = ["cm-nl", "cm-uk"].map(|name| name.parse::<CarrierName>().unwrap());
        let mut all = Vec::new();
        for (second, count) in [(10, 1), (20, 2)] {
            let refusals = Refusals::record(&mut all, one, Channel::Sms, at(second), |_| true);
            assert_eq!((refusals.count, refusals.has_reached_limit()), (count, false));
        }
        for (carrier, channel) in [(other, Channel::Sms), (one, Channel::Rcs)] {
            let first = Refusals::record(&mut all, carrier, channel, at(30), |_| true);
            assert_eq!(first, Refusals { carrier, channel, count: 1, last_at: at(30) });
        }
        let third = Refusals::record(&mut all, one, Channel::Sms, at(40), |since| since == at(20));
        assert_eq!((third.count, third.last_at, third.has_reached_limit(), all.len()), (3, at(40), true, 3));
    }

    /// The carrier accepts a last message after the first refusal, and then refuses everything.
    #[test]
    fn refusals_of_everything_count_once() {
        let carrier = "cm-nl".parse::<CarrierName>().unwrap();
        let (mut all, last_accepted) = (Vec::new(), at(20));
        for second in [10, 30, 40, 50, 60] {
            let refusals = Refusals::record(&mut all, carrier, Channel::Sms, at(second), |since| last_accepted > since);
            assert!(!refusals.has_reached_limit(), "{refusals:?}");
        }
        assert_eq!(all[0].count, 2);
    }

    /// A firewall refuses a burst, and lets other messages pass in between.
    #[test]
    fn refusals_of_a_burst_count_once() {
        let carrier = "cm-nl".parse::<CarrierName>().unwrap();
        let mut all = Vec::new();
        for second in [1, 2, 4, 8, 16] {
            let refusals = Refusals::record(&mut all, carrier, Channel::Sms, at(second), |_| true);
            assert_eq!(refusals.count, 1, "at {second}");
        }
    }
}
