//! Senders' lanes: a single directory item, with an attribute per sender, like rate limits.

use super::{DynamoDirectory, Item, change::UpdateResult, directory::unreadable, keys, string};
use crate::{
    domain::{Lane, Lanes, SenderId},
    store::StoreError,
};

impl DynamoDirectory {
    /// Sets or removes a sender's lane. Returns all lanes.
    pub async fn set_lane(&self, sender: &SenderId, lane: Option<Lane>) -> Result<Lanes, StoreError> {
        let lane = lane.map(|lane| string(lane.into_str()));
        let update = self.update(keys::LANES.to_owned()).set_or_remove(&keys::sender(sender), lane);
        match update.send("set a lane").await? {
            UpdateResult::Applied(item) | UpdateResult::Conflict(item) => read_lanes(&item),
            UpdateResult::NotFound => Err(unreadable("lanes that were just written are missing")),
        }
    }

    /// Returns the lanes with a consistent read.
    pub async fn latest_lanes(&self) -> Result<Lanes, StoreError> {
        self.latest(keys::LANES.to_owned()).await?.as_ref().map_or_else(|| Ok(Lanes::default()), read_lanes)
    }
}

/// Skips senders whose lane we do not know, like [`lane_in`].
pub(super) fn read_lanes(item: &Item) -> Result<Lanes, StoreError> {
    let lanes = item.keys().filter_map(|name| Some((name.strip_prefix(keys::SENDER)?, read_lane(item, name)?)));
    lanes.map(|(sender, lane)| Ok((sender.parse::<SenderId>().map_err(unreadable)?, lane))).collect()
}

/// Returns the lane of an item: a message, an index entry, or an API key. A lane that we do not know counts as none, so
/// that after a rollback the lane of a later release stops no other traffic.
pub(super) fn lane_in(item: &Item) -> Option<Lane> {
    read_lane(item, keys::LANE)
}

fn read_lane(item: &Item, attribute: &str) -> Option<Lane> {
    item.get(attribute)?.as_s().ok()?.parse().ok()
}
