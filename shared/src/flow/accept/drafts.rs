//! The drafts of a request, and why some are rejected.

use std::collections::BTreeMap;

use crate::{
    domain::{Draft, FieldError, Message, OutOfRoom, RejectedMessage, Rejection, RejectionReason},
    flow::Unavailable,
    store::StoreError,
};

/// Why a request was not accepted. Retrying helps with [`AcceptError::Unavailable`], and later with
/// [`AcceptError::OutOfRoom`].
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("the request was rejected")]
    Rejected(Rejection),
    /// The operator has suspended the account.
    #[error("the account is suspended")]
    Suspended,
    /// Too many messages of the account wait for a sender with a rate limit.
    #[error(transparent)]
    OutOfRoom(OutOfRoom),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for AcceptError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Whether an error in one message rejects the whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Atomicity {
    AllOrNothing,
    Each,
}

pub(super) struct Drafts<'a> {
    all: &'a [Draft],
    rejected: BTreeMap<usize, RejectedMessage>,
    atomicity: Atomicity,
}

impl<'a> Drafts<'a> {
    pub(super) fn new(all: &'a [Draft], atomicity: Atomicity) -> Self {
        Self { all, rejected: BTreeMap::new(), atomicity }
    }

    pub(super) fn is_all_or_nothing(&self) -> bool {
        self.atomicity == Atomicity::AllOrNothing
    }

    /// Returns the drafts without an error so far, by index.
    pub(super) fn remaining(&self) -> impl Iterator<Item = (usize, &'a Draft)> {
        self.all.iter().enumerate().filter(|(index, _)| !self.rejected.contains_key(index))
    }

    pub(super) fn errors(&self, mut look: impl FnMut(&Draft) -> Option<FieldError>) -> Vec<(usize, FieldError)> {
        self.remaining().filter_map(|(index, draft)| Some((index, look(draft)?))).collect()
    }

    /// Adds the draft's position in the request to its error.
    pub(super) fn locate(&self, index: usize, error: FieldError) -> FieldError {
        error.at(self.all[index].index)
    }

    /// Rejects the drafts with an error, or fails if the request is all or nothing.
    pub(super) fn reject(
        &mut self,
        reason: RejectionReason,
        errors: Vec<(usize, FieldError)>,
    ) -> Result<(), AcceptError> {
        if errors.is_empty() {
            return Ok(());
        }
        let located: Vec<_> = errors.into_iter().map(|(index, error)| (index, self.locate(index, error))).collect();
        if self.is_all_or_nothing() {
            return Err(AcceptError::Rejected(Rejection {
                reason,
                errors: located.into_iter().map(|(_, error)| error).collect(),
            }));
        }
        self.rejected.extend(located.into_iter().map(|(index, error)| (index, RejectedMessage { reason, error })));
        Ok(())
    }

    pub(super) fn finish(self, accepted: Vec<(usize, Message)>) -> Vec<Result<Message, RejectedMessage>> {
        let rejected = self.rejected.into_iter().map(|(index, rejected)| (index, Err(rejected)));
        let mut all: BTreeMap<_, _> = rejected.collect();
        all.extend(accepted.into_iter().map(|(index, message)| (index, Ok(message))));
        all.into_values().collect()
    }
}
