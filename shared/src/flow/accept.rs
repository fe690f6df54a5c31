//! Step 1: a client's messages are accepted: all of them or none, or each by
//! itself, as its dialect has it.
//!
//! Senders are checked and assigned, the messages written, their jobs enqueued,
//! and only then is the client answered. Nothing is written or locked for a
//! message that is refused, unless it lost a race for its name or its sender
//! that began after it was looked at. A crash before the answer leaves messages that
//! nobody was promised: a repeat under the same ids or key finds them and
//! enqueues them again.

mod assign;
mod candidates;
mod write;

use jiff::{SignedDuration, Timestamp};
use tracing::info;

pub use candidates::AcceptError;

use self::candidates::{Atomicity, Candidates};
use super::{Gateway, Unavailable, rate_limit};
use crate::{
    domain::{
        AccountId, BatchId, CallbackUrl, Content, Delivery, Dialect, Draft, FieldError, FieldErrorCode, Fingerprint,
        IdempotencyKey, Message, MessageId, MessageRequest, OnUnknown, Progress, Reference, RejectedMessage,
        RejectionReason, SenderChoice, SenderKind, SenderOwner, SentFrom, Validity,
    },
    runtime::Metric,
    store::{Directory, DirectoryStore, StoreError},
};

/// A message is scheduled if its time is further ahead than this; a nearer one
/// goes at once, as Cymba's guide has it.
const NEAR: SignedDuration = SignedDuration::from_mins(5);
/// The furthest that a message may be scheduled ahead.
pub const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// What a client asks for.
pub struct Request {
    pub dialect: Dialect,
    pub drafts: Vec<Draft>,
    /// How many messages the client posted: with those that its dialect has
    /// refused, and that are not among the drafts.
    pub posted: usize,
    pub idempotency_key: Option<IdempotencyKey>,
    /// None where the account's choice counts, whatever that is when it is asked for.
    pub on_unknown: Option<OnUnknown>,
    /// Validate and answer, but write nothing, send nothing and lock nothing.
    pub dry_run: bool,
}

/// Accepts the messages of one request for `account`, and gives them back as
/// they were accepted, in the same order: those of a repeat as they were the
/// first time. If one of them cannot be accepted, none is.
///
/// # Errors
/// A [`AcceptError`]. After [`AcceptError::Unavailable`] some messages may be written
/// and not enqueued; after any other, nothing is, unless two requests raced
/// under one name with different contents.
pub async fn accept(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
) -> Result<Vec<Message>, AcceptError> {
    let accepted = run(gateway, directory, account, request, Atomicity::AllOrNothing).await?;
    Ok(accepted.into_iter().flatten().collect())
}

/// Accepts those messages that can be accepted, and says of each what became of
/// it, in the same order.
///
/// # Errors
/// [`AcceptError::Unavailable`]; some messages may be written and not enqueued.
pub async fn accept_each(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
) -> Result<Vec<Result<Message, RejectedMessage>>, AcceptError> {
    run(gateway, directory, account, request, Atomicity::Each).await
}

async fn run(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
    atomicity: Atomicity,
) -> Result<Vec<Result<Message, RejectedMessage>>, AcceptError> {
    let now = gateway.clock.now();
    let mut candidates = Candidates::new(&request.drafts, atomicity);
    candidates.refuse(RejectionReason::Unacceptable, too_far_ahead(&candidates, now))?;
    candidates.refuse(RejectionReason::NotOwned, not_owned(directory, account, &candidates).await?)?;

    let plans = plan(gateway, account, request, now);
    let rates = directory.rates().await?;
    let (earlier, conflicts) = write::find_earlier(gateway, &plans, &candidates, &rates, request.dry_run).await?;
    candidates.refuse(RejectionReason::Conflict, conflicts)?;
    let (mut senders, without) =
        assign::senders(gateway, directory, account, &candidates, &earlier, request.dry_run).await?;
    candidates.refuse(RejectionReason::Unacceptable, without)?;

    let told_at = status_url(directory, account, request.dialect).await?;
    let messages = candidates.standing().filter_map(|(index, draft)| {
        let from = senders.remove(&index)?;
        let mut message = message(account, request.dialect, &plans[index], draft, from, told_at.as_ref(), now);
        message.request.on_unknown = request.on_unknown;
        Some((index, message))
    });
    let mut messages: Vec<_> = messages.collect();
    if request.dry_run {
        return Ok(candidates.conclude(write::replace_repeats(messages, earlier)));
    }
    let new = messages.iter_mut().filter(|(index, _)| earlier.get(*index).is_none());
    rate_limit::assign_send_slots(gateway, &rates, new.map(|(_, message)| message), now).await?;
    let (messages, conflicts) = write::write(gateway, &plans, messages, earlier, &candidates).await?;
    candidates.refuse(RejectionReason::Conflict, conflicts)?;
    write::enqueue(gateway, &messages).await?;
    report(gateway, account, &messages, now);
    Ok(candidates.conclude(messages))
}

fn report(gateway: &Gateway, account: &AccountId, messages: &[(usize, Message)], now: Timestamp) {
    let new = messages.iter().filter(|(_, message)| message.created_at == now).count();
    gateway.count(Metric::Accepted, Some(account), None, new);
    for (_, message) in messages {
        info!(message.id = %message.id, account.id = %account, message.state = message.state().as_str(), "accepted");
    }
}

/// What is known of a message before it has a sender.
struct Plan {
    id: MessageId,
    /// Whether the client named it, so that it may have been here before.
    named: Named,
    fingerprint: Fingerprint,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    ByClientId,
    ByIdempotencyKey,
    Not,
}

fn plan(gateway: &Gateway, account: &AccountId, request: &Request, now: Timestamp) -> Vec<Plan> {
    let plan = |draft: &Draft| {
        let (id, named, posted) = match (draft.client_id, &request.idempotency_key) {
            (Some(client_id), _) => (MessageId::of_client_id(account, client_id), Named::ByClientId, 1),
            // A repeat under one key must bring as many messages as before.
            (None, Some(key)) => {
                let id = MessageId::of_idempotency_key(account, key, draft.index);
                (id, Named::ByIdempotencyKey, request.posted)
            }
            (None, None) => (MessageId::random(&gateway.random, now), Named::Not, 1),
        };
        Plan { id, named, fingerprint: fingerprint(draft, posted, request.on_unknown) }
    };
    request.drafts.iter().map(plan).collect()
}

/// Of what was asked for, in the client's words: what is relative stays so. Who asks
/// for another choice on an unknown outcome learns that the first holds.
fn fingerprint(draft: &Draft, posted: usize, on_unknown: Option<OnUnknown>) -> Fingerprint {
    let sender = match &draft.from {
        SenderChoice::Custom(sender) => sender.as_str(),
        SenderChoice::Shared => "",
    };
    let channels: Vec<_> = draft.channels.iter().map(|channel| channel.as_str()).collect();
    let channels = channels.join(",");
    let send_at = draft.send_at.map(|at| at.as_millisecond().to_string());
    let posted = posted.to_string();
    let callback = draft.callback.as_ref().map_or("", |callback| callback.as_str());
    let mut parts = vec![
        draft.to.digits(),
        sender,
        draft.text.as_str(),
        callback,
        &channels,
        send_at.as_deref().unwrap_or(""),
        &posted,
    ];
    // What came later stands behind, by name, so that older prints stay as they are.
    let validity = draft.validity.map(|validity| match validity {
        Validity::Until(at) => format!("until {at}"),
        Validity::For(span) => format!("for {span}"),
    });
    let content = draft.content.as_ref().map(Content::to_json);
    for (name, part) in [
        ("reference", draft.reference.as_ref().map(Reference::as_str)),
        ("validity", validity.as_deref()),
        ("content", content.as_deref()),
        ("on unknown", on_unknown.map(OnUnknown::as_str)),
    ] {
        parts.extend(part.into_iter().flat_map(|part| [name, part]));
    }
    if !draft.groupings.is_empty() {
        parts.push("groupings");
        parts.extend(draft.groupings.as_array().iter().map(String::as_str));
    }
    Fingerprint::of(parts)
}

/// A message that the gateway sends by itself, in the account's name.
pub(super) fn unasked(
    id: MessageId,
    account: &AccountId,
    dialect: Dialect,
    draft: &Draft,
    from: SentFrom,
    now: Timestamp,
) -> Message {
    let plan = Plan { id, named: Named::Not, fingerprint: fingerprint(draft, 1, None) };
    message(account, dialect, &plan, draft, from, None, now)
}

fn message(
    account: &AccountId,
    dialect: Dialect,
    plan: &Plan,
    draft: &Draft,
    from: SentFrom,
    told_at: Option<&CallbackUrl>,
    now: Timestamp,
) -> Message {
    let later = draft.send_at.filter(|at| at.duration_since(now) > NEAR);
    let progress = if later.is_some() { Progress::Scheduled } else { Progress::Queued };
    let request = MessageRequest {
        dialect,
        to: draft.to.clone(),
        from,
        text: draft.text.clone(),
        channels: draft.channels.clone(),
        callback: draft.callback.as_ref().or(told_at).cloned(),
        client_id: draft.client_id,
        send_at: draft.send_at,
        reference: draft.reference.clone(),
        groupings: draft.groupings.clone(),
        expires_at: draft.validity.map(|validity| validity.expires_at(now)),
        content: draft.content.clone(),
        keyword: None,
        on_unknown: None,
        fingerprint: plan.fingerprint,
    };
    Message {
        id: plan.id,
        account: account.clone(),
        batch: BatchId::of_single(plan.id),
        created_at: now,
        request,
        delivery: Delivery { wake_at: later, ..Delivery::new(progress, now) },
    }
}

/// Where the client is told of messages without a callback, in a dialect that
/// knows no callbacks of messages.
async fn status_url(
    directory: &Directory,
    account: &AccountId,
    dialect: Dialect,
) -> Result<Option<CallbackUrl>, StoreError> {
    if !dialect.tells_at_the_account() {
        return Ok(None);
    }
    Ok(directory.account(account).await?.and_then(|account| account.status_url))
}

fn too_far_ahead(candidates: &Candidates<'_>, now: Timestamp) -> Vec<(usize, FieldError)> {
    candidates.errors(|draft| {
        let distant = draft.send_at.is_some_and(|at| at.duration_since(now) > FURTHEST);
        distant.then(|| FieldError::new("send_at", FieldErrorCode::TooLong, "is more than 366 days ahead"))
    })
}

async fn not_owned(
    directory: &Directory,
    account: &AccountId,
    candidates: &Candidates<'_>,
) -> Result<Vec<(usize, FieldError)>, StoreError> {
    let mut errors = Vec::new();
    for (index, draft) in candidates.standing() {
        let SenderChoice::Custom(sender) = &draft.from else { continue };
        if directory.owner(sender).await? != Some(SenderOwner::Account(account.clone())) {
            let error = FieldError::new("from.value", FieldErrorCode::NotOwned, "is not a sender ID of this account");
            errors.push((index, error));
        }
    }
    Ok(errors)
}

fn kind(choice: &SenderChoice) -> SenderKind {
    match choice {
        SenderChoice::Custom(_) => SenderKind::Custom,
        SenderChoice::Shared => SenderKind::Shared,
    }
}
