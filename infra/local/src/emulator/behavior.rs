//! What a carrier and a phone do, which follows from the phone's number: the
//! third digit from the right of 447700900000 to 447700900999, numbers that the
//! UK regulator keeps for fiction, chooses; every other phone is reached at once.

use super::phone::Phone;

/// How a carrier and a phone behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    /// The phone gets it, and a receipt says so within a second.
    Delivered,
    /// Accepted, then a receipt says that the phone did not get it.
    Undelivered,
    /// Refused at submit.
    Rejected,
    /// The phone gets it, and nobody says so.
    NoReceipt,
    /// The phone gets it, and the receipt comes five times.
    RepeatedReceipt,
    /// The receipt comes before the submit's own answer.
    ReceiptFirst,
    /// *Delivered* comes before *sent*.
    OutOfOrder,
    /// 429, then 503, then well.
    BusyAtFirst,
    /// The phone gets it, and the answer comes too late.
    AnswersTooLate { receipt: bool },
    /// The phone gets it and replies STOP.
    RepliesStop,
    /// Accepted, and nothing more comes of it. No number chooses this; a person
    /// can, for a channel of a phone.
    Lost,
}

impl Behavior {
    pub(super) fn of(phone: &Phone) -> Self {
        let fictional = phone.digits().strip_prefix("447700900").map(str::as_bytes);
        let Some(&[chosen, _, last]) = fictional else {
            return Self::Delivered;
        };
        match chosen {
            b'1' => Self::Undelivered,
            b'2' => Self::Rejected,
            b'3' => Self::NoReceipt,
            b'4' => Self::RepeatedReceipt,
            b'5' => Self::ReceiptFirst,
            b'6' => Self::OutOfOrder,
            b'7' => Self::BusyAtFirst,
            b'8' => Self::AnswersTooLate { receipt: last.is_multiple_of(2) },
            b'9' => Self::RepliesStop,
            _ => Self::Delivered,
        }
    }

    pub(super) fn reaches_the_phone(self) -> bool {
        !matches!(self, Self::Undelivered | Self::Rejected | Self::Lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: &str) -> Behavior {
        Behavior::of(&Phone::parse(number).expect("a number"))
    }

    #[test]
    fn the_third_digit_from_the_right_chooses() {
        assert_eq!(of("447700900042"), Behavior::Delivered);
        assert_eq!(of("447700900142"), Behavior::Undelivered);
        assert_eq!(of("447700900200"), Behavior::Rejected);
        assert_eq!(of("447700900399"), Behavior::NoReceipt);
        assert_eq!(of("447700900400"), Behavior::RepeatedReceipt);
        assert_eq!(of("447700900512"), Behavior::ReceiptFirst);
        assert_eq!(of("447700900600"), Behavior::OutOfOrder);
        assert_eq!(of("447700900700"), Behavior::BusyAtFirst);
        assert_eq!(of("447700900900"), Behavior::RepliesStop);
    }

    #[test]
    fn late_answer_has_a_receipt_if_the_last_digit_is_even() {
        assert_eq!(of("447700900810"), Behavior::AnswersTooLate { receipt: true });
        assert_eq!(of("447700900801"), Behavior::AnswersTooLate { receipt: false });
    }

    #[test]
    fn other_numbers_are_delivered_and_prefixes_change_nothing() {
        assert_eq!(of("447700901200"), Behavior::Delivered);
        assert_eq!(of("4477009002000"), Behavior::Delivered);
        assert_eq!(of("+447700900200"), Behavior::Rejected);
        assert_eq!(of("00447700900200"), Behavior::Rejected);
    }
}
