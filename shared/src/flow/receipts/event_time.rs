//! Event time: when the event in a receipt happened, for the message's history and the client.

use jiff::Timestamp;

use crate::{domain::Message, flow::unmatched::may_be_about};

/// Returns the carrier's time, or else the receipt's arrival.
///
/// A reported time after the arrival, or before our first claim of the message, is wrong: the carrier's clock
/// is, or our reading of its zone. Clocks differ, and a reported time may be to the second or minute. So a change of
/// our own up to a minute later came before the event, and moves it, or a message would arrive before it was
/// submitted.
pub(in crate::flow) fn event_time(message: &Message, reported: Option<Timestamp>, received_at: Timestamp) -> Timestamp {
    let is_possible = |at: &Timestamp| {
        *at <= received_at && message.first_claimed_at().is_some_and(|claimed_at| may_be_about(claimed_at, *at))
    };
    let at = reported.filter(is_possible).unwrap_or(received_at);
    let own_changes = message.delivery.history.iter().map(|state_change| state_change.at);
    own_changes.filter(|own| may_be_about(*own, at)).fold(at, Timestamp::max)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::{State, StateChange};

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(seconds)
    }

    /// Queued at 0, claimed at 1000 s, submitted at 1000.7 s.
    fn message() -> Message {
        Message::example().with(|message| {
            let change = |state, seconds| StateChange { state, at: at(seconds), reason: None };
            message.delivery.history.extend([change(State::Submitting, 1000.0), change(State::Submitted, 1000.7)]);
        })
    }

    #[test]
    fn possible_reported_time_counts() {
        for (what, reported, received, expected) in [
            ("as reported", Some(1500.0), 2000.0, 1500.0),
            ("not reported", None, 2000.0, 2000.0),
            ("reported by a clock that is ahead", Some(2000.5), 2000.0, 2000.0),
            ("reported in another zone", Some(5600.0), 2000.0, 2000.0),
            ("reported before the claim", Some(900.0), 2000.0, 2000.0),
            ("reported to the second", Some(1000.0), 2000.0, 1000.7),
            ("reported by a clock that is behind", Some(945.0), 2000.0, 1000.7),
            ("came before the carrier's answer", None, 1000.2, 1000.7),
            ("submitted by a clock that is ahead", None, 970.0, 1000.7),
        ] {
            assert_eq!(event_time(&message(), reported.map(at), at(received)), at(expected), "{what}");
        }
    }

    #[test]
    fn later_changes_of_ours_do_not_move_the_event() {
        let message = message().with(|message| {
            message.delivery.history.push(StateChange { state: State::Queued, at: at(1400.0), reason: None });
        });
        assert_eq!(event_time(&message, Some(at(1200.0)), at(9000.0)), at(1200.0));
        assert_eq!(event_time(&message, None, at(1200.0)), at(1200.0));
    }
}
