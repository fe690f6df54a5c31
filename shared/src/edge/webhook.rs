//! The items of a carrier's webhook: one bad item does not block the rest.

use tracing::warn;

use super::Problem;
use crate::{
    domain::{CarrierName, FieldError, FieldErrorCode, ParseError},
    flow::Unavailable,
    store::StoreError,
};

/// Logs an unreadable webhook, and returns the answer for its carrier.
#[must_use]
pub fn unreadable(carrier: CarrierName, error: &ParseError) -> Problem {
    warn!(carrier = carrier.as_str(), field = error.field, "unreadable webhook");
    Problem::invalid(vec![FieldError::new(&error.field, FieldErrorCode::Malformed, &error.reason)])
}

/// The problem to answer a webhook with, collected while its items are handled.
#[derive(Default)]
pub struct ItemProblems(Option<Problem>);

impl ItemProblems {
    /// Returns a parsed item, or keeps the problem of an unreadable one. The first such problem stays.
    pub fn keep_parsed<'a, T>(&mut self, carrier: CarrierName, part: &'a Result<T, ParseError>) -> Option<&'a T> {
        part.as_ref()
            .inspect_err(|error| {
                let problem = unreadable(carrier, error);
                self.0.get_or_insert(problem);
            })
            .ok()
    }

    /// Keeps a problem if a stored record of the item is unreadable.
    ///
    /// # Errors
    /// The store or queue did not answer. We stop, because the remaining items would fail too.
    pub fn keep(&mut self, done: Result<(), Unavailable>) -> Result<(), Problem> {
        match done {
            // Our failure takes precedence, because a carrier may not redeliver after a 4xx.
            Err(error @ Unavailable::Store(StoreError::Unreadable { .. })) => self.0 = Some(error.into()),
            Err(error) => return Err(error.into()),
            Ok(()) => {}
        }
        Ok(())
    }

    /// # Errors
    /// The kept problem. If the carrier redelivers the body, the items already handled are deduplicated.
    pub fn into_result(self) -> Result<(), Problem> {
        self.0.map_or(Ok(()), Err)
    }
}
