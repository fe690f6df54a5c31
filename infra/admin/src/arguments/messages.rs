//! The command line for stored messages and replies.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, ApiKeyId, CarrierName, MessageId, PhoneNumber, SenderId, State, Timestamp};

use super::{
    callbacks::time,
    carriers::{carrier, names},
};

#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// List messages and replies, newest first
    #[command(
        after_help = "With --to, reads the account's messages to the number and replies from it. Messages from names\n\
        are left out, unless --sender has the name. Otherwise, and with a name, reads the account's log from the\n\
        newest entry back, at most 15 months, until enough entries match; without --account, the log of every\n\
        account. Examples:\n  \
        admin message list --to 447700900001\n  \
        admin message list --to 447700900001 --sender ACME --account acme\n  \
        admin message list --account acme --state undelivered --limit 100"
    )]
    List(MessageList),
    /// Show a message with its history, failed attempts and receipts, or a reply
    #[command(after_help = "Example: admin message show 0197a3a0-0000-7000-8000-000000000001")]
    Show {
        /// The message's ID: `messageUuid` in the API's answer
        #[arg(value_parser = message_id)]
        id: MessageId,
        /// Show the text and callback URL, too
        #[arg(long)]
        reveal: bool,
    },
    /// Cancel an account's queued and scheduled messages, for example those of a leaked key
    #[command(
        after_help = "Without --yes it only counts, explains, and exits with 2. Revoke the key first: `admin key revoke`.\n\
        If the command is cut off, run it again, from the time that it named or from the start. Example:\n  \
        admin message cancel --account acme --key 1f2e3d4c --since 2026-01-01T09:00:00Z --yes"
    )]
    Cancel(MessageCancel),
}

#[derive(Debug, Args)]
pub struct MessageCancel {
    #[arg(long, value_name = "ID")]
    pub account: AccountId,
    /// Only messages posted with this key, as `key list` shows it
    #[arg(long, value_name = "KEY ID")]
    pub key: Option<ApiKeyId>,
    /// Only messages accepted from this time on
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Timestamp,
    /// Only messages accepted before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Cancel; without this, only count
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct MessageList {
    /// Only messages to this number, and replies from it
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub to: Option<PhoneNumber>,
    /// Only messages from this sender ID, and replies to it
    #[arg(long, value_name = "SENDER")]
    pub sender: Option<SenderId>,
    /// Only messages in this state, such as queued, submitted, delivered or failed; no replies
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<State>,
    /// Only this account
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// Only messages that went, or may have gone, to this carrier; no replies
    #[arg(long, value_name = "NAME", value_parser = carrier)]
    pub carrier: Option<CarrierName>,
    /// Maximum number of entries
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub limit: u16,
    /// Show numbers and texts, too
    #[arg(long)]
    pub reveal: bool,
}

fn message_id(text: &str) -> Result<MessageId, &'static str> {
    text.parse().map_err(|_| "the ID of a message is a UUID")
}

pub(super) fn number(text: &str) -> Result<PhoneNumber, String> {
    text.parse::<PhoneNumber>().map_err(|error| format!("the number {error}"))
}

fn state(text: &str) -> Result<State, String> {
    text.parse().map_err(|_| format!("the states are: {}", names::<State>()))
}
