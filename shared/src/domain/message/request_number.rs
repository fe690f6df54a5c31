//! Numbers of requests, and the batch IDs that end with them.

use uuid::Uuid;

use super::id::{BatchId, IdempotencyKey, NUMBER_MASK, derive};
use crate::{domain::AccountId, runtime::Random};

/// The version's bits in the first half of a UUID, and those of version 8.
const VERSION: u64 = 0xf000;
const NUMBERED: u64 = 0x8000;

/// A request's number for dialects with numeric IDs: up to 53 bits, and not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestNumber(u64);

impl RequestNumber {
    /// Returns the number, or `None` if no request can have it.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (1..=NUMBER_MASK).contains(&number).then_some(Self(number))
    }

    /// Draws a random number. Two requests may draw the same number, so the first message is stored only if it is new.
    #[must_use]
    pub fn random(random: &Random) -> Self {
        Self::of_bits(random.u64())
    }

    /// Derives the number for the request with this key.
    #[must_use]
    pub fn of_idempotency_key(account: &AccountId, key: &IdempotencyKey) -> Self {
        Self::of_bits(derive(&["number key", account.as_str(), key.as_str()]).as_u64_pair().1)
    }

    fn of_bits(bits: u64) -> Self {
        Self((bits & NUMBER_MASK).max(1))
    }

    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl BatchId {
    /// Derives the batch ID for the account's request with this number: a UUID version 8 that ends with the number.
    #[must_use]
    pub fn of_number(account: &AccountId, number: RequestNumber) -> Self {
        let number = number.get();
        let (mut high, mut low) = derive(&["number", account.as_str(), &number.to_string()]).as_u64_pair();
        high = high & !VERSION | NUMBERED;
        low = low & !NUMBER_MASK | number;
        Self::new(Uuid::from_u64_pair(high, low))
    }

    /// Returns whether the batch ID was derived from a request number.
    #[must_use]
    pub fn is_numbered(self) -> bool {
        self.uuid().as_u64_pair().0 & VERSION == NUMBERED
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::MessageId;

    #[test]
    fn numbered_batch_leads_to_its_number_and_first_message() {
        let (a, b) = ("a".parse::<AccountId>().unwrap(), "b".parse::<AccountId>().unwrap());
        let random = Random::seeded(1);
        for number in [1, 4_711, NUMBER_MASK, RequestNumber::random(&random).get()] {
            let number = RequestNumber::new(number).unwrap();
            let batch = BatchId::of_number(&a, number);
            assert_eq!((batch.number(), batch.is_numbered()), (number.get(), true));
            assert_eq!((batch.uuid().get_version_num(), batch.uuid().get_variant()), (8, uuid::Variant::RFC4122));
            assert_ne!(batch, BatchId::of_number(&b, number));
            assert_eq!(BatchId::of_single(MessageId::of_batch(&a, batch, 0)), batch);
            assert_ne!(BatchId::of_single(MessageId::of_batch(&a, batch, 1)), batch);
        }
        for number in [0, NUMBER_MASK + 1, u64::MAX] {
            assert_eq!(RequestNumber::new(number), None);
        }
        let (key, other) = ("k".parse::<IdempotencyKey>().unwrap(), "l".parse::<IdempotencyKey>().unwrap());
        let of = RequestNumber::of_idempotency_key;
        assert_eq!(of(&a, &key), of(&a, &key));
        assert!(of(&a, &key) != of(&b, &key) && of(&a, &key) != of(&a, &other));
        let others = [BatchId::of_idempotency_key(&a, &key), BatchId::new(random.uuid(Timestamp::UNIX_EPOCH))];
        assert!(others.iter().all(|batch| !batch.is_numbered()));
    }
}
