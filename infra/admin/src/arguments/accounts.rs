//! The command line for accounts.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CallbackUrl, CallingCode, KeywordAnswer, OnUnknown, SenderId};

use super::{ACCOUNT, callback_url, keywords::answer};

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account and print its callback secret, once and alone, on standard output
    #[command(
        after_help = "Example: admin account create acme --name 'Acme Ltd' --reply-url https://acme.example/replies\n\
        Then: admin key issue acme"
    )]
    Create(AccountCreate),
    /// List all accounts
    List {
        /// Show whole URLs, which may hold tokens, and not only their origins
        #[arg(long)]
        reveal: bool,
    },
    /// Show an account with its sender IDs and keys
    Show {
        #[arg(help = ACCOUNT)]
        id: AccountId,
        /// Show whole URLs, which may hold tokens, and not only their origins
        #[arg(long)]
        reveal: bool,
    },
    /// Change an account's name, URLs, answers to keywords, default sender, or policy for unknown outcomes
    #[command(
        override_usage = "admin account set <ID> <OPTIONS>",
        after_help = "The answer to a keyword is a message of the account, at most one a day for each recipient and sender\n\
        ID. Options that are left out keep their values. Examples:\n  \
        admin account set acme --status-url https://acme.example/status\n  \
        admin account set acme --no-reply-url --stop-text 'Acme: you are unsubscribed.'"
    )]
    Set(AccountSet),
    /// Stop an account at once: nothing more of it goes to a carrier
    #[command(
        after_help = "From this command on, no message of the account is submitted. A request that a carrier is already\n\
        answering cannot be called back. Messages and callbacks wait, while validity goes on running. New messages are\n\
        refused with 403 within 30 seconds. Receipts and replies are recorded. Reading, cancelling and opting out still\n\
        work. See also: admin key revoke, admin message cancel. Example:\n  \
        admin account suspend acme"
    )]
    Suspend {
        #[arg(help = ACCOUNT)]
        id: AccountId,
    },
    /// End an account's suspension, and enqueue its waiting messages
    #[command(
        after_help = "Reads the whole table of messages. If the command is cut off, run it again. Callbacks follow within 15\n\
        minutes."
    )]
    Resume {
        #[arg(help = ACCOUNT)]
        id: AccountId,
    },
}

#[derive(Debug, Args)]
pub struct AccountCreate {
    /// 1 to 40 characters: a-z, 0-9 and '-'
    pub id: AccountId,
    /// Shown to recipients who send STOP, START or HELP, unless the account has its own answers
    #[arg(long, value_parser = name)]
    pub name: String,
    /// Where to post replies; they can also be read over the API
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub reply_url: Option<CallbackUrl>,
    /// Where to post status reports, for requests in CM.com's format
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub status_url: Option<CallbackUrl>,
    /// Where to post notices about disabled endpoints
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub notice_url: Option<CallbackUrl>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct AccountSetWhat {
    /// Shown to recipients who send STOP, START or HELP, unless the account has its own answers
    #[arg(long, value_parser = name)]
    pub name: Option<String>,
    /// Post replies to this URL
    #[arg(long, value_name = "URL", value_parser = callback_url, conflicts_with = "no_reply_url")]
    pub reply_url: Option<CallbackUrl>,
    /// Do not post replies
    #[arg(long)]
    pub no_reply_url: bool,
    /// Post status reports to this URL, for messages accepted from now on
    #[arg(long, value_name = "URL", value_parser = callback_url, conflicts_with = "no_status_url")]
    pub status_url: Option<CallbackUrl>,
    /// Do not post status reports, for messages accepted from now on
    #[arg(long)]
    pub no_status_url: bool,
    /// Post notices about disabled endpoints to this URL
    #[arg(long, value_name = "URL", value_parser = callback_url, conflicts_with = "no_notice_url")]
    pub notice_url: Option<CallbackUrl>,
    /// Do not post notices
    #[arg(long)]
    pub no_notice_url: bool,
    /// Answer to a STOP that changes something; '' sends no answer
    #[arg(long, value_name = "TEXT", value_parser = answer)]
    pub stop_text: Option<KeywordAnswer>,
    /// Answer to a START that changes something; '' sends no answer
    #[arg(long, value_name = "TEXT", value_parser = answer)]
    pub start_text: Option<KeywordAnswer>,
    /// Answer to HELP; '' sends no answer
    #[arg(long, value_name = "TEXT", value_parser = answer)]
    pub help_text: Option<KeywordAnswer>,
    /// Use the default answers to all three, which contain the account's name
    #[arg(long, conflicts_with_all = ["stop_text", "start_text", "help_text"])]
    pub usual_texts: bool,
    /// If a carrier gives no answer: wait for a receipt, or resend, which may send the message twice
    #[arg(long, value_name = "wait|resend", value_parser = on_unknown)]
    pub on_unknown: Option<OnUnknown>,
    /// Sender ID for requests without a sender, in Mobile Text Alerts' format
    #[arg(long, value_name = "SENDER", conflicts_with = "no_default_sender")]
    pub default_sender: Option<SenderId>,
    /// Send from a shared sender ID if a request names none
    #[arg(long)]
    pub no_default_sender: bool,
    /// Calling code for national numbers in Mobile Text Alerts' format, such as 1
    #[arg(long, value_name = "CODE", conflicts_with = "no_country")]
    pub country: Option<CallingCode>,
    /// Refuse numbers without their country code
    #[arg(long)]
    pub no_country: bool,
}

#[derive(Debug, Args)]
pub struct AccountSet {
    #[arg(help = ACCOUNT)]
    pub id: AccountId,
    #[command(flatten)]
    pub what: AccountSetWhat,
}

fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let fits = (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("a name has 1 to 100 characters on one line") }
}

fn on_unknown(text: &str) -> Result<OnUnknown, &'static str> {
    text.parse().map_err(|_| "must be wait or resend")
}
