//! A job for a message that could not be claimed does what is due for it.

use jiff::Timestamp;

use super::{
    Done,
    conclude::{conclude, receipt_by},
    due::{Due, due},
    give_way,
    ways::receipt_within,
};
use crate::{
    domain::{Ended, Message, Progress, Stamp, Tried},
    flow::{
        Gateway, Unavailable, pace,
        settle::{settle, settlement},
    },
    queue::Queue,
    store::{Directory, DirectoryStore, Messages, Settlement},
};

/// A channel that has had its time.
fn silent(message: &Message, at: Timestamp) -> Tried {
    Tried { channel: message.channel(), carrier: message.carrier, at, ended: Ended::Silent, reason: None }
}

/// What became of it.
pub(super) enum Looked {
    Done(Done),
    /// It can be claimed now, to be sent over its next channel.
    GaveWay,
}

/// Does what is due for a message that was found like this.
pub(super) async fn look_at_unclaimed(
    gateway: &Gateway<impl Messages, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    message: &Message,
    stamp: Stamp,
    now: Timestamp,
) -> Result<Looked, Unavailable> {
    let next_after = if message.has_channel_after(message.place) {
        receipt_within(message, &directory.routes().await?)
    } else {
        None
    };
    let held_by = message.stamp.unwrap_or(stamp);
    match due(message, next_after.is_some(), now) {
        Due::Again => return Ok(Looked::Done(Done::Again)),
        Due::Turn => pace::enqueue(gateway, message, now).await?,
        Due::Lost => {
            let lost = Settlement {
                reason: Some("the worker that was sending it stopped".to_owned()),
                receipt_by: receipt_by(now, Progress::Unknown, next_after),
                ..settlement(held_by, Progress::Unknown, now)
            };
            conclude(gateway, message, lost.into()).await?;
        }
        Due::Taken => {
            let receipt_by = message.receipt_by.filter(|_| next_after.is_some() && !message.receipts.is_final());
            let taken = Settlement { receipt_by, ..settlement(held_by, Progress::Submitted, now) };
            settle(gateway, message, &taken).await?;
        }
        Due::GiveWay if give_way(gateway, message, silent(message, now), now).await? => return Ok(Looked::GaveWay),
        // Someone else was quicker.
        Due::Nothing | Due::GiveWay => {}
        Due::GiveUp => {
            let reason = Some("the outcome stayed unknown".to_owned());
            let given_up = Settlement { stamp, reason, ..settlement(held_by, Progress::Failed, now) };
            settle(gateway, message, &given_up).await?;
        }
        Due::SleepOn(wake_at) => gateway.store.sleep_on(message.id, wake_at).await?,
    }
    Ok(Looked::Done(Done::Finished))
}
