//! Checks that need the clock or the directory.

use jiff::{SignedDuration, Timestamp};

use super::drafts::Drafts;
use crate::{
    domain::{AccountId, FieldError, FieldErrorCode, SenderChoice, SenderOwner},
    store::{Directory, StoreError},
};

/// How far ahead a message may be scheduled.
pub const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);

pub(super) fn too_far_ahead(drafts: &Drafts<'_>, now: Timestamp) -> Vec<(usize, FieldError)> {
    drafts.errors(|draft| {
        let is_too_far = draft.send_at.is_some_and(|at| at.duration_since(now) > FURTHEST);
        is_too_far.then(|| FieldError::new("send_at", FieldErrorCode::TooLong, "is more than 366 days ahead"))
    })
}

pub(super) async fn not_owned(
    directory: &Directory,
    account: &AccountId,
    drafts: &Drafts<'_>,
) -> Result<Vec<(usize, FieldError)>, StoreError> {
    let mut errors = Vec::new();
    for (index, draft) in drafts.remaining() {
        let SenderChoice::Custom(sender) = &draft.from else { continue };
        if directory.owner(sender).await? != Some(SenderOwner::Account(account.clone())) {
            let error = FieldError::new("from.value", FieldErrorCode::NotOwned, "is not a sender ID of this account");
            errors.push((index, error));
        }
    }
    Ok(errors)
}
