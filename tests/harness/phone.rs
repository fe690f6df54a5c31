//! Phone numbers, named by the behavior of their phone.
//!
//! The emulator derives a phone's behavior from its number: the third digit from the right in 447700900000
//! to 447700900999, which the UK regulator reserves for fiction. A test says `Phone::busy_twice()` and not
//! `"447700900710"`.

use std::{fmt, ops::Deref, str};

use serde::{Serialize, Serializer};
use serde_json::Value;

const LENGTH: usize = "447700900000".len();
const DIGITS: [u8; 10] = *b"0123456789";

/// A phone number in the emulator, as bare digits in international form. Dereferences to `str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Phone {
    digits: [u8; LENGTH],
    /// The last two digits of `nth(0)`.
    first: usize,
    /// The distance from one phone to the next.
    step: usize,
}

impl Phone {
    /// The message arrives, and a receipt says so within a second.
    pub const fn delivers() -> Self {
        Self::new(0, 0, 1)
    }

    /// The carrier accepts the message; then a receipt says `undelivered`.
    pub const fn fails() -> Self {
        Self::new(1, 0, 1)
    }

    /// The carrier rejects the message at submit.
    pub const fn rejects() -> Self {
        Self::new(2, 0, 1)
    }

    /// The message arrives, and no receipt comes.
    pub const fn delivers_without_receipt() -> Self {
        Self::new(3, 0, 1)
    }

    /// The message arrives, and its receipt comes five times.
    pub const fn repeats_receipt() -> Self {
        Self::new(4, 0, 1)
    }

    /// The receipt comes before the carrier's answer to the submit.
    pub const fn receipt_before_answer() -> Self {
        Self::new(5, 0, 1)
    }

    /// The `delivered` receipt comes before the `sent` receipt.
    pub const fn receipts_out_of_order() -> Self {
        Self::new(6, 0, 1)
    }

    /// The carrier is busy (429, then 503), and accepts the third submit.
    pub const fn busy_twice() -> Self {
        Self::new(7, 0, 1)
    }

    /// The message arrives, but the carrier's answer comes after the timeout: the outcome is unknown.
    pub const fn unanswered() -> Self {
        Self::new(8, 1, 2)
    }

    /// Like [`Phone::unanswered`], but a receipt comes half a second after the submit.
    pub const fn unanswered_with_receipt() -> Self {
        Self::new(8, 0, 2)
    }

    /// The message arrives, and the phone replies STOP.
    pub const fn replies_stop() -> Self {
        Self::new(9, 0, 1)
    }

    /// Returns the `n`-th phone with the same behavior: up to `nth(99)`, or `nth(49)` for unanswered phones.
    #[must_use]
    pub const fn nth(self, n: usize) -> Self {
        let index = self.first + n * self.step;
        let mut digits = self.digits;
        digits[LENGTH - 2] = DIGITS[index / 10];
        digits[LENGTH - 1] = DIGITS[index % 10];
        Self { digits, ..self }
    }

    /// Returns the number as CM.com writes it.
    pub fn with_00(&self) -> String {
        format!("00{self}")
    }

    const fn new(behavior: usize, first: usize, step: usize) -> Self {
        let mut digits = *b"447700900000";
        digits[LENGTH - 3] = DIGITS[behavior];
        Self { digits, first, step }.nth(0)
    }
}

impl Deref for Phone {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.digits).unwrap()
    }
}

impl AsRef<str> for Phone {
    fn as_ref(&self) -> &str {
        self
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Serialize for Phone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl From<Phone> for Value {
    fn from(phone: Phone) -> Self {
        Self::from(&*phone)
    }
}
