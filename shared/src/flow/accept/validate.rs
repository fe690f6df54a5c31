//! Checks that need the clock or the directory.

use jiff::{SignedDuration, Timestamp};

use super::{drafts::Drafts, persist::Existing};
use crate::{
    domain::{AccountId, Channel, Draft, FieldError, FieldErrorCode, SenderChoice, SenderOwner},
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

/// Returns an error for each new draft whose chosen route does not exist, or is not for its sender, channels and
/// number. A repeat gets its first answer, even if an operator has changed the routes since.
pub(super) async fn without_route(
    directory: &Directory,
    account: &AccountId,
    drafts: &Drafts<'_>,
    existing: &Existing,
) -> Result<Vec<(usize, FieldError)>, StoreError> {
    if drafts.remaining().all(|(_, draft)| draft.route.is_none()) {
        return Ok(Vec::new());
    }
    let routes = directory.routes().await?;
    let new = drafts.remaining().filter(|(index, _)| existing.get(*index).is_none());
    let error = |draft: &Draft| {
        let (name, SenderChoice::Custom(sender)) = (draft.route.as_ref()?, &draft.from) else { return None };
        let channels = if draft.channels.is_empty() { &[Channel::Sms] } else { draft.channels.as_slice() };
        let leads = |channel: &Channel| routes.for_message(Some(name), account, sender, *channel, &draft.to).is_some();
        let words = "names no route for this sender and number";
        (!channels.iter().any(leads)).then(|| FieldError::new("route", FieldErrorCode::NoRoute, words))
    };
    Ok(new.filter_map(|(index, draft)| Some((index, error(draft)?))).collect())
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
