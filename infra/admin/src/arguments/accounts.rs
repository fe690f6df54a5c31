//! The command line of accounts.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CallbackUrl, KeywordAnswer, OnUnknown};

use super::{callback_url, keywords::answer};

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account, with a first callback secret, which is shown this once
    #[command(after_help = "Example: admin account create acme --name 'Acme Ltd'")]
    Create(AccountCreate),
    /// List every account
    List,
    /// Show an account with its senders and keys
    Show { id: AccountId },
    /// Change an account's name, URLs, answers to keywords, or what is done about unknown outcomes
    #[command(
        after_help = "Example: admin account set acme --no-reply-url --stop-text 'Acme: you are unsubscribed.'\n\
        A keyword is answered by a message of the account's, at most once a day for each recipient and sender."
    )]
    Set(AccountSet),
}

#[derive(Debug, Args)]
pub struct AccountCreate {
    /// 1 to 40 of a-z, 0-9 and '-'
    pub id: AccountId,
    /// For people; recipients see it who send STOP, START or HELP, unless the answers are the account's own
    #[arg(long, value_parser = name)]
    pub name: String,
    /// Where replies are posted; without one they can only be read
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub reply_url: Option<CallbackUrl>,
    /// Where status reports are posted, for clients that name no callback with a message
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub status_url: Option<CallbackUrl>,
    /// Where notices about the account go: that one of its endpoints was disabled
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub notice_url: Option<CallbackUrl>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct AccountSetWhat {
    /// For people; recipients see it who send STOP, START or HELP, unless the answers are the account's own
    #[arg(long, value_parser = name)]
    pub name: Option<String>,
    /// Post replies there
    #[arg(long, value_name = "URL", value_parser = callback_url, conflicts_with = "no_reply_url")]
    pub reply_url: Option<CallbackUrl>,
    /// Post replies nowhere
    #[arg(long)]
    pub no_reply_url: bool,
    /// Post status reports there, of messages accepted from then on
    #[arg(long, value_name = "URL", value_parser = callback_url, conflicts_with = "no_status_url")]
    pub status_url: Option<CallbackUrl>,
    /// Post no status reports, of messages accepted from then on
    #[arg(long)]
    pub no_status_url: bool,
    /// Post notices there: that an endpoint of the account's was disabled
    #[arg(long, value_name = "URL", value_parser = callback_url, conflicts_with = "no_notice_url")]
    pub notice_url: Option<CallbackUrl>,
    /// Post notices nowhere
    #[arg(long)]
    pub no_notice_url: bool,
    /// Answer STOP so, where something was not blocked before; '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = answer)]
    pub stop_text: Option<KeywordAnswer>,
    /// Answer START so, where something was blocked; '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = answer)]
    pub start_text: Option<KeywordAnswer>,
    /// Answer HELP so; '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = answer)]
    pub help_text: Option<KeywordAnswer>,
    /// Answer all three in the usual words, which name the account
    #[arg(long, conflicts_with_all = ["stop_text", "start_text", "help_text"])]
    pub usual_texts: bool,
    /// When a carrier gives no answer: wait for its receipt, or send again, which may send twice
    #[arg(long, value_name = "wait|resend", value_parser = on_unknown)]
    pub on_unknown: Option<OnUnknown>,
}

#[derive(Debug, Args)]
pub struct AccountSet {
    pub id: AccountId,
    #[command(flatten)]
    pub what: AccountSetWhat,
}

fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let fits = (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("a name is 1 to 100 characters on one line") }
}

fn on_unknown(text: &str) -> Result<OnUnknown, &'static str> {
    text.parse().map_err(|_| "on an unknown outcome, it is wait or resend")
}
