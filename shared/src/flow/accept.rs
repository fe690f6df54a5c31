//! Step 1: a client's messages are accepted, all of them or none.
//!
//! Senders are checked and assigned, the messages written, their jobs enqueued,
//! and only then is the client answered. A crash before that leaves messages
//! that nobody was promised: a repeat under the same ids or key finds them and
//! enqueues them again.

mod assign;
mod write;

use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::{Gateway, Unavailable};
use crate::{
    dialects::{Dialect, Draft, SenderChoice},
    domain::{
        AccountId, BatchId, Fault, FaultCode, Fingerprint, IdempotencyKey, Message, MessageId, Moment, Progress,
        Receipts, SenderKind, SenderOwner, SentFrom,
    },
    queue::Queue,
    runtime::{About, Metric},
    store::{Directory, DirectoryStore, Messages, Recipients, StoreError},
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
    pub idempotency_key: Option<IdempotencyKey>,
    /// Validate and answer, but write nothing, send nothing and lock nothing.
    pub dry_run: bool,
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A sender that the account does not own.
    #[error("a sender is not the account's")]
    NotOwned(Vec<Fault>),
    /// An id or key that stands for something else.
    #[error("an id or key was used with another content")]
    Conflict(Vec<Fault>),
    /// What was asked cannot be done: a time too far ahead, or no shared sender left.
    #[error("a message cannot be accepted")]
    Unacceptable(Vec<Fault>),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Accepts the messages of one request for `account`, and gives them back as
/// they were accepted, in the same order: those of a repeat as they were the
/// first time.
///
/// # Errors
/// A [`Refusal`]. After [`Refusal::Unavailable`] some messages may be written
/// and not enqueued; after any other, nothing is, unless two requests raced
/// under one name with different contents.
pub async fn accept(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    account: &AccountId,
    request: &Request,
) -> Result<Vec<Message>, Refusal> {
    let now = gateway.clock.now();
    refuse_distant(&request.drafts, now)?;
    refuse_foreign_senders(directory, account, &request.drafts).await?;

    let plans = plan(gateway, account, request, now);
    let earlier = write::find_earlier(gateway, &plans, request).await?;
    let senders = assign::senders(gateway, directory, account, request, &earlier).await?;
    let messages = plans.iter().zip(&request.drafts).zip(senders);
    let messages: Vec<_> =
        messages.map(|((plan, draft), from)| message(account, request.dialect, plan, draft, from, now)).collect();
    if request.dry_run {
        return Ok(write::in_place_of(messages, earlier));
    }
    let messages = write::write(gateway, &plans, messages, earlier).await?;
    write::enqueue(gateway, &messages).await?;
    let new = messages.iter().filter(|message| message.created_at == now).count();
    gateway.metrics.count(Metric::Accepted, About::new(Some(account), None), new);
    for message in &messages {
        info!(message.id = %message.id, account.id = %account, message.state = message.state().as_str(), "accepted");
    }
    Ok(messages)
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

fn plan(
    gateway: &Gateway<impl Messages, impl Queue>,
    account: &AccountId,
    request: &Request,
    now: Timestamp,
) -> Vec<Plan> {
    let drafts = request.drafts.iter().enumerate();
    let plan = |(index, draft): (usize, &Draft)| {
        let (id, named, of) = match (draft.client_id, &request.idempotency_key) {
            (Some(client_id), _) => (MessageId::of_client_id(account, client_id), Named::ByClientId, 1),
            // A repeat under one key must bring as many messages as before.
            (None, Some(key)) => {
                let id = MessageId::of_idempotency_key(account, key, index);
                (id, Named::ByIdempotencyKey, request.drafts.len())
            }
            (None, None) => (gateway.random.message_id(now), Named::Not, 1),
        };
        Plan { id, named, fingerprint: fingerprint(draft, of) }
    };
    drafts.map(plan).collect()
}

fn fingerprint(draft: &Draft, of: usize) -> Fingerprint {
    let sender = match &draft.from {
        SenderChoice::Custom(sender) => sender.as_str(),
        SenderChoice::Shared => "",
    };
    let channels: Vec<_> = draft.channels.iter().map(|channel| channel.as_str()).collect();
    let send_at = draft.send_at.map(|at| at.as_millisecond().to_string());
    Fingerprint::of([
        draft.to.digits(),
        sender,
        draft.text.as_str(),
        draft.callback.as_ref().map_or("", |callback| callback.as_str()),
        &channels.join(","),
        send_at.as_deref().unwrap_or(""),
        &of.to_string(),
    ])
}

fn message(
    account: &AccountId,
    dialect: Dialect,
    plan: &Plan,
    draft: &Draft,
    from: SentFrom,
    now: Timestamp,
) -> Message {
    let later = draft.send_at.filter(|at| at.duration_since(now) > NEAR);
    let progress = if later.is_some() { Progress::Scheduled } else { Progress::Queued };
    Message {
        id: plan.id,
        account: account.clone(),
        batch: BatchId::of_single(plan.id),
        dialect,
        to: draft.to.clone(),
        from,
        text: draft.text.clone(),
        channels: draft.channels.clone(),
        callback: draft.callback.clone(),
        client_id: draft.client_id,
        send_at: draft.send_at,
        fingerprint: plan.fingerprint,
        created_at: now,
        progress,
        stamp: None,
        lease_until: None,
        unknown_until: None,
        attempts: 0,
        carrier: None,
        carrier_id: None,
        history: vec![Moment { state: progress.state(), at: now, reason: None }],
        receipts: Receipts::default(),
    }
}

fn refuse_distant(drafts: &[Draft], now: Timestamp) -> Result<(), Refusal> {
    let faults = faults(drafts, |draft| {
        let distant = draft.send_at.is_some_and(|at| at.duration_since(now) > FURTHEST);
        distant.then(|| Fault::new("send_at", FaultCode::TooLong, "is more than 366 days ahead"))
    });
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Unacceptable(faults)) }
}

async fn refuse_foreign_senders(
    directory: &Directory<impl DirectoryStore>,
    account: &AccountId,
    drafts: &[Draft],
) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let SenderChoice::Custom(sender) = &draft.from else { continue };
        if directory.owner(sender).await? != Some(SenderOwner::Account(account.clone())) {
            let fault = Fault::new("from.value", FaultCode::NotOwned, "is not a sender ID of this account");
            faults.push(fault.at(index));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Refusal::NotOwned(faults)) }
}

fn faults<T>(of: &[T], mut look: impl FnMut(&T) -> Option<Fault>) -> Vec<Fault> {
    of.iter().enumerate().filter_map(|(index, one)| look(one).map(|fault| fault.at(index))).collect()
}

fn kind(choice: &SenderChoice) -> SenderKind {
    match choice {
        SenderChoice::Custom(_) => SenderKind::Custom,
        SenderChoice::Shared => SenderKind::Shared,
    }
}
