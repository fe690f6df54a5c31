//! `admin key`. We store only a hash, whose first digits are the ID.

use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{AccountId, ApiKey, Lane},
    store::KeyRecord,
};

use crate::{
    Context, account,
    arguments::KeyCommand,
    failure::Failure,
    output::{Report, or_dash, table, time},
};

#[derive(Serialize)]
pub struct ShownKey {
    id: String,
    lane: Option<Lane>,
    created_at: Option<String>,
    revoked: bool,
    revoked_at: Option<String>,
}

impl From<&KeyRecord> for ShownKey {
    fn from(key: &KeyRecord) -> Self {
        Self {
            id: key.hash.id().to_string(),
            lane: key.lane,
            created_at: key.created_at.map(time),
            revoked: key.revoked,
            revoked_at: key.revoked_at.map(time),
        }
    }
}

pub async fn run(command: KeyCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        KeyCommand::Issue { account, lane } => issue(context, account, lane).await,
        KeyCommand::List { account } => list(context, account).await,
        KeyCommand::Revoke { account, key_id } => revoke(context, account, &key_id).await,
        KeyCommand::Lane { account, key_id, choice } => set_lane(context, account, &key_id, choice.lane).await,
    }
}

pub fn lines(keys: &[ShownKey]) -> String {
    let row = |key: &ShownKey| {
        let revoked =
            if key.revoked { key.revoked_at.clone().unwrap_or_else(|| "yes".to_owned()) } else { "-".to_owned() };
        let lane = key.lane.map(|lane| lane.into_str().to_owned());
        [key.id.clone(), or_dash(key.created_at.clone()), or_dash(lane), revoked]
    };
    table(["KEY ID", "CREATED", "LANE", "REVOKED"], &keys.iter().map(row).collect::<Vec<_>>())
}

async fn issue(context: &Context, account: AccountId, lane: Option<Lane>) -> Result<Report, Failure> {
    account::existing(&context.directory, &account).await?;
    let key = ApiKey::new(context.random.bytes());
    let (hash, created_at) = (key.hash(), context.clock.now());
    if !context.directory.create_key(&hash, &account, lane, created_at).await? {
        return Err(Failure::Refused("the new key collides with an existing one; run the command again".to_owned()));
    }
    let json = json!({
        "account": account.as_str(), "key_id": hash.id(), "key": key.as_str(), "lane": lane,
        "created_at": time(created_at),
    });
    let note = format!("Above is the key {} of the account {account}. It is not shown again.", hash.id());
    Ok(Report::new(key.as_str(), &json).note(note))
}

async fn list(context: &Context, account: AccountId) -> Result<Report, Failure> {
    account::existing(&context.directory, &account).await?;
    let keys = context.directory.keys(&account).await?;
    let keys: Vec<_> = keys.iter().map(ShownKey::from).collect();
    Ok(Report::new(lines(&keys), &json!({"account": account.as_str(), "keys": keys})))
}

async fn revoke(context: &Context, account: AccountId, key_id: &str) -> Result<Report, Failure> {
    let key = existing(context, &account, key_id).await?;
    if !context.directory.revoke_key(&key.hash, context.clock.now()).await? {
        return Err(Failure::Refused(format!("the key {key_id} was deleted meanwhile")));
    }
    let note = if key.revoked {
        format!("The key {} of {account} was already revoked.", key.hash.id())
    } else {
        format!("Revoked the key {} of {account}. It works for up to 30 seconds more.", key.hash.id())
    };
    let json = json!({"account": account.as_str(), "key_id": key.hash.id(), "revoked": true});
    Ok(Report::new("", &json).note(note))
}

async fn set_lane(context: &Context, account: AccountId, key_id: &str, lane: Option<Lane>) -> Result<Report, Failure> {
    let key = existing(context, &account, key_id).await?;
    if !context.directory.set_key_lane(&key.hash, lane).await? {
        return Err(Failure::Refused(format!("the key {key_id} was deleted meanwhile")));
    }
    let id = key.hash.id();
    let note = match lane {
        Some(lane) => format!("Within 30 seconds, messages of the key {id} are {}.", lane.into_str()),
        None => format!("Within 30 seconds, the key {id} has no lane of its own."),
    };
    let json = json!({"account": account.as_str(), "key_id": id, "lane": lane});
    Ok(Report::new("", &json).note(note))
}

/// Returns the account's key whose hash begins with these digits.
async fn existing(context: &Context, account: &AccountId, key_id: &str) -> Result<KeyRecord, Failure> {
    account::existing(&context.directory, account).await?;
    let mut found = context.directory.keys(account).await?;
    found.retain(|key| key.hash.as_str().starts_with(key_id));
    if found.len() > 1 {
        let hashes: Vec<_> = found.iter().map(|key| key.hash.as_str()).collect();
        let words = format!("several keys begin with {key_id}; give more digits of one of: {}", hashes.join(", "));
        return Err(Failure::Refused(words));
    }
    let missing = || format!("the account {account} has no key {key_id}; see `admin key list {account}`");
    found.pop().ok_or_else(|| Failure::Refused(missing()))
}
