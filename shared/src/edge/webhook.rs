//! What a carrier's webhook brings: what cannot be done of it keeps back nothing else.

use tracing::warn;

use super::Problem;
use crate::{
    domain::{CarrierName, FieldError, FieldErrorCode, ParseError},
    flow::Unavailable,
    store::StoreError,
};

/// The answer to a carrier whose body is not in its format.
#[must_use]
pub fn unreadable(carrier: CarrierName, error: &ParseError) -> Problem {
    warn!(carrier = carrier.into_str(), field = error.field, "unreadable webhook");
    Problem::invalid(vec![FieldError::new(&error.field, FieldErrorCode::Malformed, &error.reason)])
}

/// What was wrong with parts of a body: one that cannot be read, or whose record cannot,
/// does not keep the others back.
#[derive(Default)]
pub struct Wrong(Option<Problem>);

impl Wrong {
    /// The part, if it can be read.
    pub fn readable<'a, T>(&mut self, carrier: CarrierName, part: &'a Result<T, ParseError>) -> Option<&'a T> {
        part.as_ref()
            .inspect_err(|error| {
                let problem = unreadable(carrier, error);
                self.0.get_or_insert(problem);
            })
            .ok()
    }

    /// Notes what became of a part.
    ///
    /// # Errors
    /// When the store or queue did not answer, as it will not for the others.
    pub fn note(&mut self, done: Result<(), Unavailable>) -> Result<(), Problem> {
        match done {
            // A failure of ours is told rather than one of the carrier's, which might give up then.
            Err(error @ Unavailable::Store(StoreError::Unreadable { .. })) => self.0 = Some(error.into()),
            Err(error) => return Err(error.into()),
            Ok(()) => {}
        }
        Ok(())
    }

    /// # Errors
    /// What was wrong. The carrier brings the body again; what is done is known then.
    pub fn conclude(self) -> Result<(), Problem> {
        self.0.map_or(Ok(()), Err)
    }
}
