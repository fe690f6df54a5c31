//! `admin sender`: owned sender IDs, and the rate limits and lanes of owned and shared ones.

use serde_json::json;
use shared::{
    domain::{AccountId, Exemptions, Lane, Rate, Rates, SenderId, SenderOwner},
    store::Removal,
};

use crate::{
    Context, account,
    arguments::SenderCommand,
    failure::Failure,
    output::{Report, or_dash, table},
};

pub async fn run(command: SenderCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        SenderCommand::Add { sender, account } => add(context, &sender, &account).await,
        SenderCommand::List { account } => list(context, account.as_ref()).await,
        SenderCommand::Remove { sender } => remove(context, &sender).await,
        SenderCommand::Rate { sender, rate } => set_rate(context, &sender, rate.per_second).await,
        SenderCommand::Lane { sender, choice } => set_lane(context, &sender, choice.lane).await,
        SenderCommand::Exempt { sender, not: false } => exempt(context, &sender).await,
        SenderCommand::Exempt { sender, not: true } => end_exemption(context, &sender).await,
    }
}

async fn add(context: &Context, sender: &SenderId, account: &AccountId) -> Result<Report, Failure> {
    account::existing(&context.directory, account).await?;
    match context.directory.add_sender(sender, account).await? {
        None => {}
        Some(SenderOwner::Account(owner)) if owner == *account => {}
        Some(SenderOwner::Account(owner)) => {
            return Err(Failure::Refused(format!(
                "the sender {sender} is the account {owner}'s; `admin sender remove {sender}` takes it from that account"
            )));
        }
        Some(SenderOwner::Pool) => {
            return Err(Failure::Refused(format!(
                "the sender {sender} is or was shared, and other accounts' conversations stay on it; use another one"
            )));
        }
    }
    let json = json!({"sender": sender.as_str(), "account": account.as_str()});
    let note = format!("The sender {sender} is the account {account}'s. It can be used within 30 seconds.");
    Ok(Report::new("", &json).note(note))
}

async fn list(context: &Context, account: Option<&AccountId>) -> Result<Report, Failure> {
    if let Some(account) = account {
        account::existing(&context.directory, account).await?;
    }
    let pool = context.directory.latest_pool().await?;
    let (rates, lanes) = (context.directory.latest_rates().await?, context.directory.latest_lanes().await?);
    let exemptions = context.directory.latest_exemptions().await?;
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for (sender, owner) in context.directory.owners().await? {
        let owner = match owner {
            SenderOwner::Account(owner) => Some(owner),
            SenderOwner::Pool => None,
        };
        if account.is_some() && owner.as_ref() != account {
            continue;
        }
        let shared = pool.contains(&sender);
        let exempt = owner.as_ref().is_some_and(|owner| exemptions.cover(&sender, owner));
        let (rate, lane) = (rates.of(&sender), lanes.of(&sender));
        let owned_by = match &owner {
            Some(owner) => owner.to_string(),
            None if shared => "(shared)".to_owned(),
            None => "(no longer shared)".to_owned(),
        };
        rows.push([
            sender.to_string(),
            owned_by,
            or_dash(rate.map(|rate| rate.to_string())),
            or_dash(lane.map(|lane| lane.into_str().to_owned())),
            if exempt { "yes" } else { "-" }.to_owned(),
        ]);
        shown.push(json!({
            "sender": sender.as_str(), "account": owner, "shared": shared,
            "per_second": rate.map(Rate::per_second), "lane": lane, "exempt": exempt,
        }));
    }
    let text = table(["SENDER", "ACCOUNT", "RATE LIMIT", "LANE", "EXEMPT"], &rows);
    Ok(Report::new(text, &json!({"senders": shown})))
}

async fn remove(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    // We end the exemption first: if we are interrupted, it must not outlive the ownership.
    let before = context.directory.latest_owner(sender).await?;
    if before != Some(SenderOwner::Pool) {
        context.directory.set_exempt(sender, None).await?;
    }
    let removal = match (context.directory.remove_sender(sender).await?, before) {
        // The sender was removed meanwhile: by an attempt whose answer was lost, or by another operator.
        (Removal::Missing, Some(SenderOwner::Account(account))) => Removal::Removed(account),
        (removal, _) => removal,
    };
    match removal {
        Removal::Removed(account) => {
            let json = json!({"sender": sender.as_str(), "account": account.as_str(), "removed": true});
            let note = format!(
                "The sender {sender} is no longer the account {account}'s. Accepted messages from it are still sent.\n\
                 Replies to it stay unmatched for 7 days, and go to the next account that gets it by then."
            );
            Ok(Report::new("", &json).note(note))
        }
        Removal::Pool => Err(Failure::Refused(format!(
            "the sender {sender} is shared; `admin pool remove {sender}` takes it from the pool"
        ))),
        Removal::Missing => Err(unknown(sender)),
    }
}

fn unknown(sender: &SenderId) -> Failure {
    Failure::Refused(format!("no account has the sender {sender}; nothing was changed"))
}

async fn set_rate(context: &Context, sender: &SenderId, rate: Option<Rate>) -> Result<Report, Failure> {
    // We allow `--unlimited` for an unknown sender, because a removed sender leaves its limit behind.
    if rate.is_some() && context.directory.latest_owner(sender).await?.is_none() {
        return Err(unknown(sender));
    }
    context.directory.set_rate(sender, rate).await?;
    let json = json!({"sender": sender.as_str(), "per_second": rate.map(Rate::per_second)});
    let note = match rate {
        Some(rate) => format!("Within 30 seconds the sender {sender} is limited to {rate}, whichever account sends."),
        None => format!("Within 30 seconds the sender {sender} has no rate limit."),
    };
    Ok(Report::new("", &json).note(note).note("Waiting messages keep their send slots."))
}

async fn set_lane(context: &Context, sender: &SenderId, lane: Option<Lane>) -> Result<Report, Failure> {
    // As with the rate limit, a removed sender leaves its lane behind.
    if lane.is_some() && context.directory.latest_owner(sender).await?.is_none() {
        return Err(unknown(sender));
    }
    context.directory.set_lane(sender, lane).await?;
    let note = match lane {
        Some(lane) => format!(
            "Within 30 seconds, messages from the sender {sender} are {}, unless their request or API key has a lane.",
            lane.into_str()
        ),
        None => format!("Within 30 seconds, the sender {sender} has no lane of its own."),
    };
    Ok(Report::new("", &json!({"sender": sender.as_str(), "lane": lane})).note(note))
}

async fn exempt(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    let account = match context.directory.latest_owner(sender).await? {
        Some(SenderOwner::Account(account)) => account,
        Some(SenderOwner::Pool) => {
            return Err(Failure::Refused(format!(
                "the sender {sender} is or was shared; only a sender that one account owns can be exempt"
            )));
        }
        None => return Err(unknown(sender)),
    };
    context.directory.set_exempt(sender, Some(&account)).await?;
    let json = json!({"sender": sender.as_str(), "account": account.as_str(), "exempt": true});
    let note = format!(
        "Within 30 seconds opt-outs no longer block messages of the account {account} from {sender}.\n\
         Warning: use it only for messages that the recipient needs; see `admin sender exempt --help`."
    );
    Ok(Report::new("", &json).note(note))
}

async fn end_exemption(context: &Context, sender: &SenderId) -> Result<Report, Failure> {
    context.directory.set_exempt(sender, None).await?;
    let json = json!({"sender": sender.as_str(), "exempt": false});
    let note = format!("Within 30 seconds opt-outs block messages from {sender} again, including earlier opt-outs.");
    Ok(Report::new("", &json).note(note))
}

/// Formats a sender with its rate limit and exemption.
pub fn described(sender: &SenderId, account: &AccountId, rates: &Rates, exemptions: &Exemptions) -> String {
    let shown = with_rate(sender, rates);
    if exemptions.cover(sender, account) { format!("{shown} (exempt from opt-outs)") } else { shown }
}

/// Formats a sender with its rate limit.
pub fn with_rate(sender: &SenderId, rates: &Rates) -> String {
    rates.of(sender).map_or_else(|| sender.to_string(), |rate| format!("{sender} ({rate})"))
}

/// Returns the rate limits by sender; unlimited senders are absent.
pub fn rates_of(senders: &[SenderId], rates: &Rates) -> serde_json::Value {
    let rate = |sender: &SenderId| Some((sender.to_string(), rates.of(sender)?.per_second().into()));
    serde_json::Value::Object(senders.iter().filter_map(rate).collect())
}
