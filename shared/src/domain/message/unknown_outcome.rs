//! The unknown outcomes of a message. A submit that got no answer may have
//! arrived; one that was sent again has been handed over perhaps twice, until its
//! carrier says that it never took it. Both follow from the message's `failed_attempts`.

use jiff::Timestamp;

use crate::domain::{Attempt, AttemptOutcome, CarrierName, Message, Progress, State};

impl Message {
    /// Since when the outcome of its newest submit has been unknown.
    #[must_use]
    pub fn unknown_since(&self) -> Option<Timestamp> {
        self.delivery
            .history
            .iter()
            .rev()
            .find(|state_change| state_change.state == State::Unknown)
            .map(|state_change| state_change.at)
    }

    /// How often it was sent again after a submit without an answer.
    #[must_use]
    pub fn resend_count(&self) -> usize {
        self.delivery
            .failed_attempts
            .iter()
            .filter(|attempt| matches!(attempt.outcome, AttemptOutcome::Unknown | AttemptOutcome::NotAccepted))
            .count()
    }

    /// The submits over the channel that it is at that may have arrived before it
    /// was sent again, the newest first.
    fn unknown_attempts(&self) -> impl Iterator<Item = &Attempt> {
        let channel = self.channel();
        let resolves = |outcome| {
            matches!(outcome, AttemptOutcome::Failed | AttemptOutcome::ReceiptTimeout | AttemptOutcome::NotAccepted)
        };
        let since = self
            .delivery
            .failed_attempts
            .iter()
            .rev()
            .take_while(move |attempt| attempt.channel == channel && !resolves(attempt.outcome));
        since.filter(|attempt| attempt.outcome == AttemptOutcome::Unknown)
    }

    /// Whether a submit before the one that it is at may have arrived.
    #[must_use]
    pub fn has_unknown_attempt(&self) -> bool {
        self.unknown_attempts().next().is_some()
    }

    /// Who may have it from such a submit, the newest first; none in the place of one
    /// that is not on record.
    pub fn carriers_of_unknown_attempts(&self) -> impl Iterator<Item = Option<CarrierName>> {
        self.unknown_attempts().map(|attempt| attempt.carrier)
    }

    /// Why it was given up without an answer, if it was.
    #[must_use]
    pub fn give_up_reason(&self) -> Option<&str> {
        let [.., before, last] = self.delivery.history.as_slice() else { return None };
        let is_given_up = self.delivery.progress == Progress::Failed && before.state == State::Unknown;
        last.reason.as_deref().filter(|_| is_given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Channel, StateChange};

    fn attempt(channel: Channel, outcome: AttemptOutcome) -> Attempt {
        Attempt { channel, carrier: Some(CarrierName::Loopback), at: Timestamp::UNIX_EPOCH, outcome, reason: None }
    }

    #[test]
    fn resent_attempt_is_unknown_until_denied_or_failed_over() {
        use AttemptOutcome::{Busy, NotAccepted, ReceiptTimeout, Rejected, Unknown};
        use Channel::{Rcs, Sms};
        let mut message = Message::example();
        message.request.channels = vec![Rcs, Sms];
        message.delivery.channel_index = 1;
        for (before, has_unknown_attempt, times) in [
            (vec![], false, 0),
            (vec![(Sms, Unknown)], true, 1),
            (vec![(Sms, Unknown), (Sms, Busy), (Sms, Rejected)], true, 1),
            (vec![(Sms, Unknown), (Sms, Unknown)], true, 2),
            (vec![(Sms, Unknown), (Sms, NotAccepted)], false, 2),
            (vec![(Sms, NotAccepted), (Sms, Unknown)], true, 2),
            (vec![(Rcs, Unknown), (Rcs, ReceiptTimeout)], false, 1),
            (vec![(Rcs, Unknown), (Rcs, Rejected)], false, 1),
        ] {
            message.delivery.failed_attempts =
                before.iter().map(|(channel, outcome)| attempt(*channel, *outcome)).collect();
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
        let of = |before| {
            Message::example().with(|message| {
                message.delivery.progress = Progress::Failed;
                message.delivery.history = vec![state_change(before, None), failed.clone()];
            })
        };
        assert_eq!(of(State::Unknown).give_up_reason(), Some("the outcome stayed unknown"));
        assert_eq!(of(State::Submitting).give_up_reason(), None);
        assert_eq!(Message::example().give_up_reason(), None);
    }
}
