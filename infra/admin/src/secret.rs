//! `admin secret`: replacing what callbacks are signed with, while the client
//! knows one or the other.

use serde_json::json;
use shared::domain::{AccountId, WebhookSecret};

use crate::{Context, account, arguments::SecretCommand, failure::Failure, output::Report};

/// Each secret is one signature more in a header of every callback.
const MOST: usize = 5;
/// How often it is tried when another operator was quicker.
const TRIES: u32 = 5;

pub async fn run(command: SecretCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        SecretCommand::Rotate { account } => rotate(context, &account).await,
        SecretCommand::Retire { account } => retire(context, &account).await,
    }
}

async fn rotate(context: &Context, id: &AccountId) -> Result<Report, Failure> {
    for _ in 0..TRIES {
        let account = account::existing(&context.directory, id).await?;
        if account.secrets.len() >= MOST {
            return Err(Failure::Refused(format!(
                "the account {id} has {MOST} secrets, which is the most; `admin secret retire {id}` drops all but\n\
                 the newest, once the client verifies with that"
            )));
        }
        let secret = WebhookSecret::new(context.random.bytes());
        let secrets: Vec<_> = std::iter::once(secret.clone()).chain(account.secrets.iter().cloned()).collect();
        if context.directory.replace_secrets(&account, &secrets).await? {
            let json = json!({"account": id.as_str(), "secret": secret.as_str(), "secrets": secrets.len()});
            let note = format!(
                "Above is the new secret of {id}; it is not shown again. Within 30 seconds `webhook-signature` is made\n\
                 with it and with those before; `signature`, of the mplus format, with the oldest alone. When the client\n\
                 takes either secret: `admin secret retire {id}`, which switches both headers to the new one."
            );
            return Ok(Report::new(secret.as_str(), &json).note(note));
        }
    }
    Err(changed(id))
}

/// Not tried again by itself: what is newest by then may be known to nobody yet.
async fn retire(context: &Context, id: &AccountId) -> Result<Report, Failure> {
    let account = account::existing(&context.directory, id).await?;
    let retired = account.secrets.len().saturating_sub(1);
    if retired > 0 && !context.directory.replace_secrets(&account, &account.secrets[..1]).await? {
        return Err(changed(id));
    }
    let json = json!({"account": id.as_str(), "retired": retired, "secrets": account.secrets.len() - retired});
    let note = match retired {
        0 => format!("The account {id} has no secret but its newest."),
        _ => format!("{retired} of {id}'s secrets are retired. Within 30 seconds only the newest signs."),
    };
    Ok(Report::new("", &json).note(note))
}

fn changed(id: &AccountId) -> Failure {
    Failure::Refused(format!("another operator was changing the secrets of {id}; see what it is now, and try again"))
}
