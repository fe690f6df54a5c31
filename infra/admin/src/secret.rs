//! `admin secret`: replaces an account's callback secret. Until the old secret is retired, the header
//! `webhook-signature` has a signature for each, so the client can verify with either.

use serde_json::json;
use shared::{
    domain::{AccountId, WebhookSecret},
    runtime::Environment,
    store::CallbackSecrets,
};

use crate::{Context, account, arguments::SecretCommand, connect::Connection, failure::Failure, output::Report};

/// Each secret adds a signature to a header of every callback.
const MOST: usize = 5;
/// Attempts to write while other operators change the secrets, too.
const TRIES: u32 = 5;

pub async fn run(
    command: SecretCommand,
    context: &Context,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    match command {
        SecretCommand::Rotate { account } => {
            rotate(context, &connection.callback_secrets(environment).await?, &account).await
        }
        SecretCommand::Retire { account } => retire(context, &account).await,
    }
}

async fn rotate(context: &Context, encryption: &CallbackSecrets, id: &AccountId) -> Result<Report, Failure> {
    for _ in 0..TRIES {
        let account = account::existing(&context.directory, id).await?;
        if account.secrets.len() >= MOST {
            return Err(Failure::Refused(format!(
                "the account {id} has {MOST} secrets, which is the limit; once the client verifies with the newest,\n\
                 drop the others with `admin secret retire {id}`"
            )));
        }
        let secret = WebhookSecret::new(context.random.bytes());
        let encrypted = encryption.encrypt(id, secret.as_str()).await?;
        let secrets: Vec<_> = std::iter::once(encrypted).chain(account.secrets.iter().cloned()).collect();
        if context.directory.replace_secrets(&account, &secrets).await? {
            let json = json!({"account": id.as_str(), "secret": secret.as_str(), "secrets": secrets.len()});
            let note = format!(
                "Above is the new secret of {id}; it is not shown again. Within 30 seconds `webhook-signature` has a\n\
                 signature for each secret; the mplus header `signature` is still made with the oldest. Once the client\n\
                 accepts both, `admin secret retire {id}` switches both headers to the new secret."
            );
            return Ok(Report::new(secret.as_str(), &json).note(note));
        }
    }
    Err(changed(id))
}

/// Does not retry after a conflict: the client may not know the newest secret by then.
async fn retire(context: &Context, id: &AccountId) -> Result<Report, Failure> {
    let account = account::existing(&context.directory, id).await?;
    let retired = account.secrets.len().saturating_sub(1);
    if retired > 0 && !context.directory.replace_secrets(&account, &account.secrets[..1]).await? {
        return Err(changed(id));
    }
    let json = json!({"account": id.as_str(), "retired": retired, "secrets": account.secrets.len() - retired});
    let note = match retired {
        0 => format!("The account {id} has only one secret; nothing was changed."),
        _ => format!("Retired {retired} of {id}'s secrets. Within 30 seconds only the newest signs callbacks."),
    };
    Ok(Report::new("", &json).note(note))
}

fn changed(id: &AccountId) -> Failure {
    Failure::Refused(format!("another operator changed the secrets of {id} at the same time; check them and try again"))
}
