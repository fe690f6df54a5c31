//! What is in doubt about a message. A submit that got no answer may have
//! arrived; one that was sent again has been handed over perhaps twice, until its
//! carrier says that it never took it. Both are told by what was `tried`.

use jiff::Timestamp;

use super::{Ended, Message, Progress, State, Tried};
use crate::carriers::CarrierName;

impl Message {
    /// Since when the outcome of its newest submit has been unknown.
    #[must_use]
    pub fn unknown_since(&self) -> Option<Timestamp> {
        self.history
            .iter()
            .rev()
            .find(|state_change| state_change.state == State::Unknown)
            .map(|state_change| state_change.at)
    }

    /// How often it was sent again after a submit without an answer.
    #[must_use]
    pub fn resend_count(&self) -> usize {
        self.tried.iter().filter(|tried| matches!(tried.ended, Ended::Unknown | Ended::NotTaken)).count()
    }

    /// The submits over the channel that it is at that may have arrived before it
    /// was sent again, the newest first.
    fn unknown_attempts(&self) -> impl Iterator<Item = &Tried> {
        let channel = self.channel();
        let settles = |ended| matches!(ended, Ended::Failed | Ended::Silent | Ended::NotTaken);
        let since = self.tried.iter().rev().take_while(move |tried| tried.channel == channel && !settles(tried.ended));
        since.filter(|tried| tried.ended == Ended::Unknown)
    }

    /// Whether a submit before the one that it is at may have arrived.
    #[must_use]
    pub fn has_unknown_attempt(&self) -> bool {
        self.unknown_attempts().next().is_some()
    }

    /// Who may have it from such a submit, the newest first; none in the place of one
    /// that is not on record.
    pub fn carriers_of_unknown_attempts(&self) -> impl Iterator<Item = Option<CarrierName>> {
        self.unknown_attempts().map(|tried| tried.carrier)
    }

    /// Why it was given up without an answer, if it was.
    #[must_use]
    pub fn give_up_reason(&self) -> Option<&str> {
        let [.., before, last] = self.history.as_slice() else { return None };
        let is_given_up = self.progress == Progress::Failed && before.state == State::Unknown;
        last.reason.as_deref().filter(|_| is_given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Channel, StateChange};

    fn tried(channel: Channel, ended: Ended) -> Tried {
        Tried { channel, carrier: Some(CarrierName::Loopback), at: Timestamp::UNIX_EPOCH, ended, reason: None }
    }

    #[test]
    fn what_was_sent_again_is_in_doubt_until_its_carrier_denies_it_or_its_channel_gives_way() {
        use Channel::{Rcs, Sms};
        use Ended::{Busy, NotTaken, Rejected, Silent, Unknown};
        let mut message = Message { channels: vec![Rcs, Sms], place: 1, ..Message::example() };
        for (before, has_unknown_attempt, times) in [
            (vec![], false, 0),
            (vec![(Sms, Unknown)], true, 1),
            (vec![(Sms, Unknown), (Sms, Busy), (Sms, Rejected)], true, 1),
            (vec![(Sms, Unknown), (Sms, Unknown)], true, 2),
            (vec![(Sms, Unknown), (Sms, NotTaken)], false, 2),
            (vec![(Sms, NotTaken), (Sms, Unknown)], true, 2),
            (vec![(Rcs, Unknown), (Rcs, Silent)], false, 1),
            (vec![(Rcs, Unknown), (Rcs, Rejected)], false, 1),
        ] {
            message.tried = before.iter().map(|(channel, ended)| tried(*channel, *ended)).collect();
            assert_eq!(
                (message.has_unknown_attempt(), message.resend_count()),
                (has_unknown_attempt, times),
                "{before:?}"
            );
        }
    }

    #[test]
    fn only_what_was_unknown_before_was_given_up_without_an_answer() {
        let state_change = |state, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            StateChange { state, at: Timestamp::UNIX_EPOCH, reason }
        };
        let failed = state_change(State::Failed, Some("the outcome stayed unknown"));
        let of = |before| Message {
            progress: Progress::Failed,
            history: vec![state_change(before, None), failed.clone()],
            ..Message::example()
        };
        assert_eq!(of(State::Unknown).give_up_reason(), Some("the outcome stayed unknown"));
        assert_eq!(of(State::Submitting).give_up_reason(), None);
        assert_eq!(Message::example().give_up_reason(), None);
    }
}
