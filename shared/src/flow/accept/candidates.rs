//! The messages of one request on their way to being accepted: which of them
//! still stand, and why the others do not.

use std::collections::BTreeMap;

use super::Unavailable;
use crate::{
    dialects::Draft,
    domain::{Fault, Message},
    store::StoreError,
};

/// Why a message cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// A sender that the account does not own.
    NotOwned,
    /// An id or key that stands for something else.
    Conflict,
    /// What was asked cannot be done: a time too far ahead, or no shared sender left.
    Unacceptable,
}

/// Why one message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub grounds: Grounds,
    pub fault: Fault,
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Some of its messages cannot be accepted, so none is: the first grounds
    /// that were found, and every message that they hold for.
    #[error("a message cannot be accepted")]
    Faulty { grounds: Grounds, faults: Vec<Fault> },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What a fault of one message means for the others of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Atomicity {
    AllOrNothing,
    Each,
}

/// A place is that of a draft among the drafts.
pub(super) struct Candidates<'a> {
    drafts: &'a [Draft],
    refused: BTreeMap<usize, Refused>,
    atomicity: Atomicity,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(drafts: &'a [Draft], atomicity: Atomicity) -> Self {
        Self { drafts, refused: BTreeMap::new(), atomicity }
    }

    /// Whether a fault of one refuses all.
    pub(super) fn is_all_or_nothing(&self) -> bool {
        self.atomicity == Atomicity::AllOrNothing
    }

    /// Those that nothing speaks against so far.
    pub(super) fn standing(&self) -> impl Iterator<Item = (usize, &'a Draft)> {
        self.drafts.iter().enumerate().filter(|(place, _)| !self.refused.contains_key(place))
    }

    pub(super) fn faults(&self, mut look: impl FnMut(&Draft) -> Option<Fault>) -> Vec<(usize, Fault)> {
        self.standing().filter_map(|(place, draft)| Some((place, look(draft)?))).collect()
    }

    /// The fault of the draft at `place`, with where that stands in the request.
    pub(super) fn named(&self, place: usize, fault: Fault) -> Fault {
        fault.at(self.drafts[place].index)
    }

    /// Takes out those with a fault, or refuses the request.
    pub(super) fn refuse(&mut self, grounds: Grounds, faults: Vec<(usize, Fault)>) -> Result<(), Refusal> {
        if faults.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = faults.into_iter().map(|(place, fault)| (place, self.named(place, fault))).collect();
        if self.is_all_or_nothing() {
            return Err(Refusal::Faulty { grounds, faults: named.into_iter().map(|(_, fault)| fault).collect() });
        }
        self.refused.extend(named.into_iter().map(|(place, fault)| (place, Refused { grounds, fault })));
        Ok(())
    }

    /// What became of each draft.
    pub(super) fn conclude(self, accepted: Vec<(usize, Message)>) -> Vec<Result<Message, Refused>> {
        let refused = self.refused.into_iter().map(|(place, refused)| (place, Err(refused)));
        let mut concluded: BTreeMap<_, _> = refused.collect();
        concluded.extend(accepted.into_iter().map(|(place, message)| (place, Ok(message))));
        concluded.into_values().collect()
    }
}
