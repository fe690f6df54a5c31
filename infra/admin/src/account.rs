//! `admin account`. We show whole URLs only with `--reveal`, because clients put tokens into them.

mod suspension;

use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{
        Account, AccountId, CallbackUrl, CallingCode, Keyword, KeywordAnswer, OnUnknown, SenderId, SenderOwner, Text,
        Webhook, WebhookEvent, WebhookId, WebhookSecret,
    },
    runtime::Environment,
    store::{AccountChange, CallbackSecrets, DynamoDirectory},
};
use strum::IntoEnumIterator;

use crate::{
    Context,
    arguments::{AccountCommand, AccountCreate, AccountSet},
    connect::Connection,
    failure::Failure,
    key::{self, ShownKey},
    output::{Report, fields, or_dash, table, time, url},
    sender,
};

#[derive(Serialize)]
struct ShownAccount<'a> {
    id: &'a str,
    name: &'a str,
    reply_url: Option<String>,
    status_url: Option<String>,
    notice_url: Option<String>,
    /// The policy for unknown outcomes.
    on_unknown: OnUnknown,
    default_sender: Option<&'a str>,
    /// Country calling code for national numbers.
    country: Option<CallingCode>,
    /// How many callback secrets there are.
    secrets: usize,
    suspended_at: Option<String>,
}

/// A client's webhook without its secret.
#[derive(Serialize)]
struct ShownWebhook {
    id: WebhookId,
    event: WebhookEvent,
    url: String,
}

impl ShownWebhook {
    fn of((id, webhook): (&WebhookId, &Webhook), reveal: bool) -> Self {
        Self { id: *id, event: webhook.event, url: url(&webhook.url, reveal) }
    }
}

fn webhook_lines(webhooks: &[ShownWebhook]) -> Option<String> {
    let line = |webhook: &ShownWebhook| format!("{} {} {}", webhook.id, webhook.event.into_str(), webhook.url);
    let lines: Vec<_> = webhooks.iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

impl<'a> ShownAccount<'a> {
    fn of(account: &'a Account, reveal: bool) -> Self {
        let shown = |given: &Option<CallbackUrl>| given.as_ref().map(|given| url(given, reveal));
        Self {
            id: account.id.as_str(),
            name: &account.name,
            reply_url: shown(&account.reply_url),
            status_url: shown(&account.status_url),
            notice_url: shown(&account.notice_url),
            on_unknown: account.on_unknown,
            default_sender: account.default_sender.as_ref().map(SenderId::as_str),
            country: account.country_code,
            secrets: account.secrets.len(),
            suspended_at: account.suspended_at.map(time),
        }
    }
}

pub async fn run(
    command: AccountCommand,
    context: &Context,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    match command {
        AccountCommand::Create(new) => create(context, &connection.callback_secrets(environment).await?, new).await,
        AccountCommand::List { reveal } => list(&context.directory, reveal).await,
        AccountCommand::Show { id, reveal } => show(&context.directory, &id, reveal).await,
        AccountCommand::Set(set) => change(&context.directory, set).await,
        AccountCommand::Suspend { id } => suspension::suspend(&id, context).await,
        AccountCommand::Resume { id } => suspension::resume(&id, context, connection, environment).await,
    }
}

/// Returns the account, or a failure with advice.
pub async fn existing(directory: &DynamoDirectory, id: &AccountId) -> Result<Account, Failure> {
    directory.latest_account(id).await?.ok_or_else(|| missing(id))
}

/// Returns the failure for an account that does not exist.
pub fn missing(id: &AccountId) -> Failure {
    Failure::Refused(format!(
        "there is no account {id}; `admin account list` lists all,\n\
         `admin account create {id} --name NAME` creates it"
    ))
}

async fn create(context: &Context, encryption: &CallbackSecrets, new: AccountCreate) -> Result<Report, Failure> {
    let AccountCreate { id, name, reply_url, status_url, notice_url } = new;
    let secret = WebhookSecret::new(context.random.bytes());
    let secrets = vec![encryption.encrypt(&id, secret.as_str()).await?];
    let account = Account { reply_url, status_url, notice_url, secrets, ..Account::new(id, name) };
    if !context.directory.create_account(&account).await? {
        return Err(Failure::Refused(format!(
            "there is an account {id} already, and nothing was changed; `admin account show {id}` shows it,\n\
             `admin account set {id}` changes it",
            id = account.id
        )));
    }
    let json = json!({"account": ShownAccount::of(&account, false), "secret": secret.as_str()});
    let report = Report::new(secret.as_str(), &json);
    Ok(report.note(format!(
        "Created the account {id}. Above is the secret that signs its callbacks; it is not shown again.\n\
         Next: `admin key issue {id}`, `admin sender add SENDER --account {id}`.",
        id = account.id
    )))
}

async fn list(directory: &DynamoDirectory, reveal: bool) -> Result<Report, Failure> {
    let accounts = directory.accounts().await?;
    let shown: Vec<_> = accounts.iter().map(|account| ShownAccount::of(account, reveal)).collect();
    let row = |account: &ShownAccount<'_>| {
        let suspended = or_dash(account.suspended_at.clone());
        [account.id.to_owned(), account.name.to_owned(), suspended, or_dash(account.reply_url.clone())]
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    Ok(Report::new(table(["ID", "NAME", "SUSPENDED", "REPLY URL"], &rows), &json!({"accounts": shown})))
}

async fn show(directory: &DynamoDirectory, id: &AccountId, reveal: bool) -> Result<Report, Failure> {
    let account = existing(directory, id).await?;
    let shown_account = ShownAccount::of(&account, reveal);
    let (senders, keys) = (directory.senders(id).await?, directory.keys(id).await?);
    let webhooks = directory.latest_webhooks(id).await?;
    let webhooks: Vec<_> = webhooks.iter().map(|webhook| ShownWebhook::of(webhook, reveal)).collect();
    let rates = directory.latest_rates().await?;
    let exemptions = directory.latest_exemptions().await?;
    let shown: Vec<_> = senders.iter().map(|one| sender::described(one, id, &rates, &exemptions)).collect();
    let exempt: Vec<_> = senders.iter().filter(|one| exemptions.cover(one, id)).map(SenderId::as_str).collect();
    let rates = sender::rates_of(&senders, &rates);
    let senders: Vec<_> = senders.iter().map(SenderId::as_str).collect();
    let keys: Vec<_> = keys.iter().map(ShownKey::from).collect();
    let text = fields(&[
        ("id", Some(id.to_string())),
        ("name", Some(account.name.clone())),
        ("suspended", account.suspended_at.map(|at| format!("since {}", time(at)))),
        ("reply URL", Some(or_dash(shown_account.reply_url.clone()))),
        ("status URL", Some(or_dash(shown_account.status_url.clone()))),
        ("notice URL", Some(or_dash(shown_account.notice_url.clone()))),
        ("secrets", Some(account.secrets.len().to_string())),
        ("on an unknown outcome", Some(account.on_unknown.into_str().to_owned())),
        ("answer to STOP", Some(or_dash(answer(&account, Keyword::Stop)))),
        ("to START", Some(or_dash(answer(&account, Keyword::Start)))),
        ("to HELP", Some(or_dash(answer(&account, Keyword::Help)))),
        ("default sender", Some(or_dash(account.default_sender.as_ref().map(SenderId::to_string)))),
        ("country", Some(or_dash(account.country_code.map(|code| code.to_string())))),
        ("senders", Some(if shown.is_empty() { "-".to_owned() } else { shown.join(", ") })),
        ("webhooks", Some(or_dash(webhook_lines(&webhooks)))),
    ]);
    let text = format!("{text}\n{}", key::lines(&keys));
    let json = json!({"account": shown_account, "senders": senders, "rates": rates, "exempt": exempt, "keys": keys,
        "webhooks": webhooks});
    Ok(Report::new(text, &json).and("answers", answers(&account)))
}

async fn change(directory: &DynamoDirectory, set: AccountSet) -> Result<Report, Failure> {
    let reply_url = if set.what.no_reply_url { Some(None) } else { set.what.reply_url.map(Some) };
    let status_url = if set.what.no_status_url { Some(None) } else { set.what.status_url.map(Some) };
    let notice_url = if set.what.no_notice_url { Some(None) } else { set.what.notice_url.map(Some) };
    let text = |text: Option<KeywordAnswer>| if set.what.usual_texts { Some(None) } else { text.map(Some) };
    let change = AccountChange {
        name: set.what.name,
        reply_url,
        status_url,
        notice_url,
        stop_text: text(set.what.stop_text),
        start_text: text(set.what.start_text),
        help_text: text(set.what.help_text),
        on_unknown: set.what.on_unknown,
        default_sender: if set.what.no_default_sender { Some(None) } else { set.what.default_sender.map(Some) },
        country_code: if set.what.no_country { Some(None) } else { set.what.country.map(Some) },
    };
    if let Some(Some(sender)) = &change.default_sender {
        check_owned(directory, sender, &set.id).await?;
    }
    let account = directory.change_account(&set.id, &change).await?.ok_or_else(|| missing(&set.id))?;
    let report = Report::new("", &json!({"account": ShownAccount::of(&account, false), "answers": answers(&account)}));
    Ok(report.note(format!("Changed the account {}. The change takes effect within 30 seconds.", account.id)))
}

/// Checks that the account owns its default sender.
async fn check_owned(directory: &DynamoDirectory, sender: &SenderId, account: &AccountId) -> Result<(), Failure> {
    if directory.latest_owner(sender).await? == Some(SenderOwner::Account(account.clone())) {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "the sender {sender} is not the account {account}'s, and nothing was changed;\n\
         `admin sender add {sender} --account {account}` gives it to the account"
    )))
}

/// Returns the answers to recipients, by keyword.
fn answers(account: &Account) -> serde_json::Value {
    let answer = |keyword: Keyword| (keyword.into_str().to_owned(), answer(account, keyword).into());
    serde_json::Value::Object(Keyword::iter().map(answer).collect())
}

fn answer(account: &Account, keyword: Keyword) -> Option<String> {
    account.answer_to(keyword).ok().flatten().map(Text::into_string)
}
