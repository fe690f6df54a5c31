//! Validates a message by the table of Cymba's page "Add Message".

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use url::Url;
use uuid::Uuid;

use super::{Connection, ReceiptAddresses, Submit, Vendor};
use crate::emulator::carriers::callback_address;
use crate::emulator::channels::Channel;
use crate::emulator::phone::{self, Phone};
use crate::emulator::problem::{Fields, Problem};

/// The fields that the answer repeats.
pub(super) const FIELDS: [&str; 7] = ["to", "from", "body", "callback", "channels", "id", "send_at"];
const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Rcs];
/// A message is sent at once if its time is no farther ahead.
const SOON: SignedDuration = SignedDuration::from_mins(5);

pub(super) struct Message {
    pub(super) submit: Submit,
    pub(super) fields: Fields,
}

impl Message {
    pub(super) fn read(fields: Fields, connection: Option<&Arc<Connection>>) -> Result<Self, Problem> {
        let callback = fields.optional("callback", read_callback)?;
        fields.optional("id", read_id)?;
        fields.optional("send_at", read_time)?;
        let submit = Submit {
            vendor: Vendor::Cymba,
            connection: connection.cloned(),
            reference: callback.as_ref().and_then(reference).unwrap_or_default(),
            from: read_from(&fields)?,
            to: read_to(&fields)?,
            channel: read_channel(&fields)?,
            text: fields.filled_text("body")?.to_owned(),
            content: None,
            groupings: [const { String::new() }; 3],
            receipts: ReceiptAddresses::Own(callback.into_iter().collect()),
            client_id: String::new(),
        };
        Ok(Self { submit, fields })
    }

    /// Checks that the message is to be sent at once.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), Problem> {
        match self.fields.optional("send_at", read_time)? {
            Some(time) if time.duration_since(now) > SOON => {
                Err(Problem::invalid("send_at", "is more than 5 minutes ahead, and the emulator schedules nothing"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the sender in the form that a phone shows.
fn read_from(fields: &Fields) -> Result<String, Problem> {
    let Some(from) = fields.object("from")? else { return Err(Problem::invalid("from", "is required")) };
    match from.text("type").map_err(|problem| problem.within("from"))? {
        "custom" => {
            let value = from.filled_text("value").map_err(|problem| problem.within("from"))?;
            Ok(phone::shown_sender(value).to_owned())
        }
        "shared" => Err(Problem::invalid("from.type", "is shared, but the account has no shared sender IDs")),
        _ => Err(Problem::invalid("from.type", "must be custom or shared")),
    }
}

fn read_to(fields: &Fields) -> Result<Phone, Problem> {
    Phone::parse_e164(fields.filled_text("to")?).map_err(|error| Problem::invalid("to", error.to_string()))
}

/// Returns the first channel, by default SMS.
fn read_channel(fields: &Fields) -> Result<Channel, Problem> {
    let names = fields.list::<String>("channels")?;
    let known = |name: &String| Channel::parse(name).filter(|channel| CHANNELS.contains(channel));
    let channels: Option<Vec<_>> = names.iter().map(known).collect();
    let channels = channels.ok_or_else(|| Problem::invalid("channels", "must be of sms and rcs"))?;
    Ok(channels.first().copied().unwrap_or(Channel::Sms))
}

fn read_callback(fields: &Fields, field: &'static str) -> Result<Url, Problem> {
    callback_address::parse(fields.text(field)?).map_err(|error| Problem::invalid(field, error.to_string()))
}

fn read_id(fields: &Fields, field: &'static str) -> Result<Uuid, Problem> {
    fields.text(field)?.parse().map_err(|_| Problem::invalid(field, "must be a UUID"))
}

fn read_time(fields: &Fields, field: &'static str) -> Result<Timestamp, Problem> {
    fields.text(field)?.parse().map_err(|_| Problem::invalid(field, "must be an ISO 8601 time with a zone"))
}

/// Returns the gateway's reference, which follows carrier and token in its addresses for receipts. Any other
/// address may end in a secret, which must not get into the log.
fn reference(callback: &Url) -> Option<String> {
    let segments: Vec<_> = callback.path_segments()?.collect();
    match segments[..] {
        [.., "dlr", _, _, reference] => Some(reference.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_is_the_last_part_of_our_own_addresses_only() {
        for (callback, expected) in [
            ("http://localhost/dlr/cymba/token/ref1", Some("ref1")),
            ("http://localhost:3000/stage/dlr/cymba/token/ref1?x=y", Some("ref1")),
            ("http://localhost/dlr/cymba/token", None),
            ("http://localhost/receipts/token", None),
            ("http://localhost", None),
        ] {
            assert_eq!(reference(&Url::parse(callback).unwrap()).as_deref(), expected, "{callback}");
        }
    }
}
