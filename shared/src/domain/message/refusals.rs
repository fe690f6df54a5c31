//! Refusals of requests that did not come from the vendor.

use jiff::Timestamp;

use crate::domain::CarrierName;

/// How often a message's request was refused on the way to a carrier, in an answer that the vendor's page does not
/// describe: by a firewall, or because the carrier does not know us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    pub carrier: CarrierName,
    pub count: u8,
    /// When the message was first refused.
    pub since: Timestamp,
}

impl Refusals {
    /// A message that was refused so often is to blame, if the carrier accepted others meanwhile.
    const MOST: u8 = 3;

    /// Counts a refusal, and returns the carrier's so far.
    pub fn count(all: &mut Vec<Self>, carrier: CarrierName, at: Timestamp) -> Self {
        let index = all.iter().position(|refusals| refusals.carrier == carrier).unwrap_or_else(|| {
            all.push(Self { carrier, count: 0, since: at });
            all.len() - 1
        });
        all[index].count = all[index].count.saturating_add(1);
        all[index]
    }

    #[must_use]
    pub fn are_many(self) -> bool {
        self.count >= Self::MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_for_each_carrier() {
        let [one, other] = ["cm-nl", "cm-uk"].map(|name| name.parse::<CarrierName>().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut all = Vec::new();
        for second in 1..3 {
            assert!(!Refusals::count(&mut all, one, at(second)).are_many());
        }
        assert_eq!(Refusals::count(&mut all, other, at(3)), Refusals { carrier: other, count: 1, since: at(3) });
        let third = Refusals::count(&mut all, one, at(4));
        assert_eq!((third.count, third.since, third.are_many(), all.len()), (3, at(1), true, 2));
    }
}
