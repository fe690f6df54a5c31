//! Unknown outcomes.
//!
//! If a carrier did not answer a submit, the message may have arrived. If we resend, it may arrive twice,
//! unless the carrier denies the first submit. `failed_attempts` records a resend as
//! [`AttemptOutcome::Unknown`], or after a denial as [`AttemptOutcome::NotAccepted`].

use jiff::Timestamp;

use crate::domain::{Attempt, AttemptOutcome, CarrierName, Message, Progress, State};

impl Message {
    /// Returns when the newest outcome became unknown.
    #[must_use]
    pub fn unknown_since(&self) -> Option<Timestamp> {
        self.delivery
            .history
            .iter()
            .rev()
            .find(|state_change| state_change.state == State::Unknown)
            .map(|state_change| state_change.at)
    }

    #[must_use]
    pub fn resend_count(&self) -> usize {
        self.delivery
            .failed_attempts
            .iter()
            .filter(|attempt| matches!(attempt.outcome, AttemptOutcome::Unknown | AttemptOutcome::NotAccepted))
            .count()
    }

    /// Returns earlier submits on the current channel that may have arrived, newest first.
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

    #[must_use]
    pub fn has_unknown_attempt(&self) -> bool {
        self.unknown_attempts().next().is_some()
    }

    /// Returns the carriers of unknown attempts, newest first. `None` stands for a carrier that is not
    /// recorded.
    pub fn carriers_of_unknown_attempts(&self) -> impl Iterator<Item = Option<CarrierName>> {
        self.unknown_attempts().map(|attempt| attempt.carrier)
    }

    /// Returns the reason if we gave up an unknown outcome.
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
    use crate::domain::{Channel, ReceiptDetails, StateChange};

    fn attempt(channel: Channel, outcome: AttemptOutcome) -> Attempt {
        Attempt {
            channel,
            carrier: Some("loopback".parse().unwrap()),
            at: Timestamp::UNIX_EPOCH,
            outcome,
            reason: None,
            details: ReceiptDetails::default(),
        }
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
    fn give_up_reason_needs_an_unknown_outcome() {
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
