//! Lanes. Each lane has its own queue and concurrency, so that bulk messages delay no others.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::SenderId;

/// A request with more messages is bulk, unless its client or an operator chose a lane.
const MOST_NORMAL: usize = 100;

/// The lane of a message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", ascii_case_insensitive, const_into_str)]
pub enum Lane {
    /// Someone waits for it, such as a one-time code.
    Urgent,
    #[default]
    Normal,
    /// A campaign.
    Bulk,
}

impl Lane {
    /// The names, in words for a person.
    pub const NAMES: &str = "urgent, normal or bulk";

    /// Returns the default lane of a request with this number of messages.
    #[must_use]
    pub fn of_request(messages: usize) -> Self {
        if messages > MOST_NORMAL { Self::Bulk } else { Self::Normal }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
    pub(crate) fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// Lanes that operators chose for senders. Clones share the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes(Arc<BTreeMap<SenderId, Lane>>);

impl Lanes {
    /// Returns `None` for a sender without a lane.
    #[must_use]
    pub fn of(&self, sender: &SenderId) -> Option<Lane> {
        self.0.get(sender).copied()
    }
}

impl FromIterator<(SenderId, Lane)> for Lanes {
    fn from_iter<I: IntoIterator<Item = (SenderId, Lane)>>(lanes: I) -> Self {
        Self(Arc::new(lanes.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_request_is_bulk() {
        let lanes = [1, 100, 101, 1_000].map(Lane::of_request);
        assert_eq!(lanes, [Lane::Normal, Lane::Normal, Lane::Bulk, Lane::Bulk]);
    }
}
