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

pub(super) fn read_lanes(item: &Item) -> Result<Lanes, StoreError> {
    let senders = item.keys().filter_map(|name| Some((name, name.strip_prefix(keys::SENDER)?)));
    senders
        .filter_map(|(name, sender)| {
            let lane = read_lane(item, name).transpose()?;
            Some(lane.and_then(|lane| Ok((sender.parse::<SenderId>().map_err(unreadable)?, lane))))
        })
        .collect()
}

/// Returns the lane of an item: a message, an index entry, or an API key.
pub(super) fn lane_in(item: &Item) -> Result<Option<Lane>, StoreError> {
    read_lane(item, keys::LANE)
}

fn read_lane(item: &Item, attribute: &str) -> Result<Option<Lane>, StoreError> {
    let Some(lane) = item.get(attribute) else { return Ok(None) };
    let lane = lane.as_s().ok().and_then(|lane| lane.parse().ok());
    lane.map(Some).ok_or_else(|| unreadable("a lane"))
}
