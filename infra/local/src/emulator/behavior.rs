//! How a carrier and a phone behave, by the phone's number. In 447700900000 to 447700900999, which the UK
//! regulator keeps for fiction, the third digit from the right decides. All other numbers deliver.

use strum::IntoStaticStr;

use super::phone::Phone;

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(super) enum Behavior {
    /// Delivered, with a receipt within a second.
    Delivered,
    /// Accepted, then a receipt reports the failure.
    Undelivered,
    /// The carrier refuses the submit.
    Rejected,
    /// Delivered without a receipt.
    NoReceipt,
    /// Delivered, with the same receipt five times.
    RepeatedReceipt,
    /// Delivered, with the receipt before the answer to the submit.
    ReceiptFirst,
    /// Delivered, with the receipt `delivered` before `sent`.
    OutOfOrder,
    /// The carrier answers 429, then 503, and then delivers.
    BusyAtFirst,
    /// Delivered, but the carrier answers only after the gateway's timeout.
    AnswersTooLate { receipt: bool },
    /// Delivered, then the phone replies STOP.
    RepliesStop,
    /// Accepted, then neither delivered nor reported. Only a person sets it, for a channel; no number has it.
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
    fn third_digit_from_the_right_chooses_the_behavior() {
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
    fn other_numbers_deliver_and_prefixes_are_ignored() {
        assert_eq!(of("447700901200"), Behavior::Delivered);
        assert_eq!(of("4477009002000"), Behavior::Delivered);
        assert_eq!(of("+447700900200"), Behavior::Rejected);
        assert_eq!(of("00447700900200"), Behavior::Rejected);
    }
}
