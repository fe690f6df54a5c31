//! `admin sender`: sender IDs of one account.

use serde_json::json;
use shared::{
    domain::{AccountId, Exemptions, Rate, Rates, SenderId, SenderOwner},
    store::Removal,
};

use crate::{Context, account, arguments::SenderCommand, failure::Failure, output::Report};

pub async fn run(command: SenderCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        SenderCommand::Add { sender, account } => add(context, &sender, &account).await,
        SenderCommand::Remove { sender } => remove(context, &sender).await,
        SenderCommand::Rate { sender, rate } => set_rate(context, &sender, rate.per_second).await,
        SenderCommand::Exempt { sender, not: false } => exempt(context, &sender).await,
        SenderCommand::Exempt { sender, not: true } => exempt_no_more(context, &sender).await,
    }
}

async fn add(context: &Context, sender: &SenderId, account: &AccountId) -> Result<Report, Failure> {
    account::existing(&context.directory, account).await?;
    match context.directory.add_sender(sender, account).await? {
        None => {}
        Some(SenderOwner::Account(owner)) if owner == *account => {}
        Some(SenderOwner::Account(owner)) => {
            return Err(Failure::Refused(format!(
                "the sender {sender} is the account {owner}'s; `admin sender remove {sender}` takes it from there"
            )));
        }
        Some(SenderOwner::Pool) => {
            return Err(Failure::Refused(format!(
                "the sender {sender} is or was shared, and other accounts' conversations stay on it; take another"
            )));
        }
    }
    let json = json!({"sender": sender.as_str(), "account": account.as_str()});
    let note = format!("The sender {sender} is the account {account}'s. It can be used within 30 seconds.");
    Ok(Report::new("", &json).note(note))
}

async fn remove(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    // First, so that no exemption outlives the ownership if this is cut off.
    let before = context.directory.latest_owner(sender).await?;
    if before != Some(SenderOwner::Pool) {
        context.directory.set_exempt(sender, None).await?;
    }
    let removal = match (context.directory.remove_sender(sender).await?, before) {
        // It is gone since: by this, whose answer was lost, or by another operator.
        (Removal::Missing, Some(SenderOwner::Account(account))) => Removal::Removed(account),
        (removal, _) => removal,
    };
    match removal {
        Removal::Removed(account) => {
            let json = json!({"sender": sender.as_str(), "account": account.as_str(), "removed": true});
            let note = format!(
                "The sender {sender} is no longer the account {account}'s. What was accepted from it is still sent,\n\
                 and replies to it belong to nobody: for 7 days, to whoever is given it next."
            );
            Ok(Report::new("", &json).note(note))
        }
        Removal::Pool => Err(Failure::Refused(format!(
            "the sender {sender} is no account's own but shared; `admin pool remove {sender}` takes it from the pool"
        ))),
        Removal::Missing => Err(Failure::Refused(format!("the sender {sender} is nobody's"))),
    }
}

async fn set_rate(context: &Context, sender: &SenderId, rate: Option<Rate>) -> Result<Report, Failure> {
    // One that is gone may have left its rate behind.
    if rate.is_some() && context.directory.latest_owner(sender).await?.is_none() {
        return Err(Failure::Refused(format!("the sender {sender} is nobody's; nothing was changed")));
    }
    context.directory.set_rate(sender, rate).await?;
    let json = json!({"sender": sender.as_str(), "per_second": rate.map(Rate::per_second)});
    let note = match rate {
        Some(rate) => format!("Within 30 seconds the sender {sender} carries {rate}, whoever owns or shares it."),
        None => format!("Within 30 seconds the sender {sender} has no limit."),
    };
    Ok(Report::new("", &json).note(note).note("Waiting messages keep their send slots."))
}

async fn exempt(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    let account = match context.directory.latest_owner(sender).await? {
        Some(SenderOwner::Account(account)) => account,
        Some(SenderOwner::Pool) => {
            return Err(Failure::Refused(format!(
                "the sender {sender} is or was shared, and what all accounts send from it cannot be exempt"
            )));
        }
        None => return Err(Failure::Refused(format!("the sender {sender} is nobody's; nothing was changed"))),
    };
    context.directory.set_exempt(sender, Some(&account)).await?;
    let json = json!({"sender": sender.as_str(), "account": account.as_str(), "exempt": true});
    let note = format!(
        "Within 30 seconds opt-outs no longer block what the account {account} sends from {sender}.\n\
         Warning: only messages that the recipient cannot be without may come from it; see `admin help sender exempt`."
    );
    Ok(Report::new("", &json).note(note))
}

async fn exempt_no_more(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    context.directory.set_exempt(sender, None).await?;
    let json = json!({"sender": sender.as_str(), "exempt": false});
    let note = format!("Within 30 seconds opt-outs block what comes from {sender}, those of the past, too.");
    Ok(Report::new("", &json).note(note))
}

/// A sender of the account's, with what is particular to it.
pub fn described(sender: &SenderId, account: &AccountId, rates: &Rates, exemptions: &Exemptions) -> String {
    let shown = with_rate(sender, rates);
    if exemptions.cover(sender, account) { format!("{shown} (exempt from opt-outs)") } else { shown }
}

/// A sender, with its rate if it has one.
pub fn with_rate(sender: &SenderId, rates: &Rates) -> String {
    rates.of(sender).map_or_else(|| sender.to_string(), |rate| format!("{sender} ({rate})"))
}

/// The rates of those senders that have one, by sender.
pub fn rates_of(senders: &[SenderId], rates: &Rates) -> serde_json::Value {
    let rate = |sender: &SenderId| Some((sender.to_string(), rates.of(sender)?.per_second().into()));
    serde_json::Value::Object(senders.iter().filter_map(rate).collect())
}
