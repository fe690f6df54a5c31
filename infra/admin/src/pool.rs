//! `admin pool`: shared sender IDs.

use serde_json::json;
use shared::domain::SenderId;

use crate::{
    Context,
    arguments::PoolCommand,
    failure::Failure,
    output::{Report, counted},
    sender,
};

pub async fn run(command: PoolCommand, context: &Context) -> Result<Report, Failure> {
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
