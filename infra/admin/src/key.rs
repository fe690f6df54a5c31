//! `admin key`. We store only a hash, whose first digits are the ID.

use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{AccountId, ApiKey},
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
    created_at: Option<String>,
    revoked: bool,
    revoked_at: Option<String>,
}

impl From<&KeyRecord> for ShownKey {
    fn from(key: &KeyRecord) -> Self {
        Self {
            id: key.hash.id().to_string(),
            created_at: key.created_at.map(time),
            revoked: key.revoked,
            revoked_at: key.revoked_at.map(time),
        }
    }
}

pub async fn run(command: KeyCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        KeyCommand::Issue { account } => issue(context, account).await,
        KeyCommand::List { account } => list(context, account).await,
        KeyCommand::Revoke { account, key_id } => revoke(context, account, &key_id).await,
    }
}

pub fn lines(keys: &[ShownKey]) -> String {
    let row = |key: &ShownKey| {
        let revoked =
            if key.revoked { key.revoked_at.clone().unwrap_or_else(|| "yes".to_owned()) } else { "-".to_owned() };
        [key.id.clone(), or_dash(key.created_at.clone()), revoked]
    };
    table(["KEY ID", "CREATED", "REVOKED"], &keys.iter().map(row).collect::<Vec<_>>())
}

async fn issue(context: &Context, account: AccountId) -> Result<Report, Failure> {
    account::existing(&context.directory, &account).await?;
    let key = ApiKey::new(context.random.bytes());
    let (hash, created_at) = (key.hash(), context.clock.now());
    if !context.directory.create_key(&hash, &account, created_at).await? {
        return Err(Failure::Refused("the new key collides with an existing one; run the command again".to_owned()));
    }
    let json = json!({
        "account": account.as_str(), "key_id": hash.id(), "key": key.as_str(), "created_at": time(created_at),
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
    account::existing(&context.directory, &account).await?;
    let mut found = context.directory.keys(&account).await?;
    found.retain(|key| key.hash.as_str().starts_with(key_id));
    let [key] = found.as_slice() else {
        return Err(Failure::Refused(if found.is_empty() {
            format!("the account {account} has no key {key_id}; see `admin key list {account}`")
        } else {
            let hashes: Vec<_> = found.iter().map(|key| key.hash.as_str()).collect();
            format!("several keys begin with {key_id}; give more digits of one of: {}", hashes.join(", "))
        }));
    };
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
