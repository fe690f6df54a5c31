//! `admin pool`: shared sender IDs.

use serde_json::json;
use shared::{
    domain::{PhoneNumber, SenderId},
    store::Recipients,
};

use crate::{
    Context,
    arguments::PoolCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, counted},
    sender,
};

pub async fn run(command: PoolCommand, context: &Context, connection: &Connection) -> Result<Report, Failure> {
    match command {
        PoolCommand::Add { senders } => add(context, &senders).await,
        PoolCommand::List => {
            let pool = context.directory.latest_pool().await?;
            let rates = context.directory.latest_rates().await?;
            let lines: Vec<_> = pool.iter().map(|one| sender::with_rate(one, &rates)).collect();
            let senders: Vec<_> = pool.iter().map(SenderId::as_str).collect();
            let rates = sender::rates_of(&pool, &rates);
            Ok(Report::new(lines.join("\n"), &json!({"pool": senders, "rates": rates})))
        }
        PoolCommand::Remove { sender } => remove(context, &sender).await,
        PoolCommand::Release { number, sender } => release(connection, &number, sender.as_ref()).await,
    }
}

async fn add(context: &Context, senders: &[SenderId]) -> Result<Report, Failure> {
    for (index, sender) in senders.iter().enumerate() {
        if let Some(owner) = context.directory.add_to_pool(sender).await? {
            let before: Vec<_> = senders[..index].iter().map(SenderId::as_str).collect();
            let added = if before.is_empty() { "nothing".to_owned() } else { before.join(", ") };
            return Err(Failure::Refused(format!(
                "the sender {sender} is the account {owner}'s, so it cannot be shared; {added} was added"
            )));
        }
    }
    let pool = context.directory.latest_pool().await?;
    let pool: Vec<_> = pool.iter().map(SenderId::as_str).collect();
    let note =
        format!("The pool has {}. A change takes effect within 30 seconds.", counted(pool.len(), "sender", "senders"));
    Ok(Report::new("", &json!({"pool": pool})).note(note))
}

async fn remove(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    if !context.directory.remove_from_pool(sender).await? {
        return Err(Failure::Refused(format!("the sender {sender} is not in the pool; see `admin pool list`")));
    }
    let pool = context.directory.latest_pool().await?;
    let pool: Vec<_> = pool.iter().map(SenderId::as_str).collect();
    let report = Report::new("", &json!({"pool": pool, "removed": sender.as_str()}));
    let report = report.note(format!("Within 30 seconds no conversation begins on {sender} any more."));
    let report = report
        .note("Warning: conversations that began on it stay locked to it. Keep the number as long as they may go on.");
    Ok(if pool.is_empty() {
        report.note("Warning: the pool is empty; messages from a shared sender are refused unless their conversation has one already.")
    } else {
        report
    })
}

/// Releases the number's unused locks, or the lock of one sender.
async fn release(connection: &Connection, number: &PhoneNumber, sender: Option<&SenderId>) -> Result<Report, Failure> {
    let store = connection.recipients().await?;
    let recipient = store.recipient(number).await?;
    let mut released = Vec::new();
    for (locked, account) in &recipient.account_of {
        let is_meant = sender.map_or(recipient.reserved_until.contains_key(locked), |sender| sender == locked);
        if is_meant && store.release_lock(number, account, locked, sender.is_some()).await? {
            released.push((locked.as_str(), account.as_str()));
        }
    }
    released.sort_unstable();
    let lines: Vec<_> = released.iter().map(|(sender, account)| format!("{sender} of {account}")).collect();
    let json: Vec<_> = released.iter().map(|(sender, account)| json!({"sender": sender, "account": account})).collect();
    let report = Report::new(lines.join("\n"), &json!({"released": json}));
    Ok(match (released.is_empty(), sender) {
        (false, _) => report,
        (true, Some(sender)) => report.note(format!("No account has the sender ID {sender} for this number.")),
        (true, None) => report.note("No sender ID was reserved for this number without a message. See --sender."),
    })
}
