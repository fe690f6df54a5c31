//! The command line.

mod accounts;
mod callbacks;
mod carriers;
mod keywords;
mod unmatched;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::domain::{AccountId, CallbackUrl, MessageId, Rate, SenderId};
use strum::IntoStaticStr;
use url::Url;

pub use self::{
    accounts::{AccountCommand, AccountCreate, AccountSet},
    callbacks::{CallbackCommand, CallbackReplay, EndpointCommand, EndpointSelection},
    carriers::{CarrierCommand, RouteAdd, RouteCommand},
    keywords::KeywordCommand,
    unmatched::{UnmatchedCommand, UnmatchedList},
};

const EXAMPLES: &str = "\
Examples:
  admin account create acme --name 'Acme Ltd' --reply-url https://acme.example/replies
  admin key issue acme
  admin sender add 441234567890 --account acme
  admin sender rate 441234567890 --per-second 10
  admin pool add 448888888801 448888888802
  admin keyword add BASTA --means stop
  admin carrier set loopback --endpoint https://carrier.example/
  admin carrier key cm < product-token
  admin route add --carriers cm,loopback --channel whatsapp --at 1
  admin endpoint enable acme https://acme.example/receipts
  admin callback replay acme --since 2026-01-01T09:00:00Z --yes
  admin message show 0197a3a0-0000-7000-8000-000000000001
  admin --local account list
  admin --json key list acme

Tables and queues are found by the outputs of the CloudFormation stack, or else by these
variables or the options of the same name: MESSAGES_TABLE, DIRECTORY_TABLE, CARRIER_SECRETS,
JOBS_QUEUE_URL, JOBS_DEAD_LETTERS_URL, CALLBACKS_QUEUE_URL, CALLBACKS_DEAD_LETTERS_URL.
An option counts before a variable, and --stack before the variables.
Credentials and region are those of the AWS CLI: --profile or AWS_PROFILE, `aws sso login`, --region or
AWS_REGION, ...

Exit codes: 0 done, 1 not done (standard error says why), 2 the command line is not understood.";

/// The operator's tool of the messaging gateway: accounts, keys, secrets,
/// senders, carriers, routes, and what went wrong
#[derive(Debug, Parser)]
#[command(name = "admin", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    /// Print one JSON object, for scripts; an error is {"error": "…"} on standard error
    #[arg(long, global = true)]
    pub json: bool,

    #[command(flatten)]
    pub connection: ConnectionOptions,

    #[command(subcommand)]
    pub command: Command,
}

/// Where the gateway is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Where")]
pub struct ConnectionOptions {
    /// The CloudFormation stack [default: sms-gateway]
    #[arg(long, global = true, value_name = "NAME")]
    pub stack: Option<String>,

    /// The region of the stack (also `AWS_REGION`)
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub region: Option<String>,

    /// The profile of the AWS CLI to use (also `AWS_PROFILE`)
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "local")]
    pub profile: Option<String>,

    /// Another endpoint of AWS (also `AWS_ENDPOINT_URL`)
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<Url>,

    /// The stack of `cargo run -p local`
    #[arg(
        long, global = true, value_name = "URL", num_args = 0..=1, require_equals = true,
        default_missing_value = "http://127.0.0.1:3000", conflicts_with_all = ["stack", "endpoint_url"]
    )]
    pub local: Option<Url>,

    /// The table of messages (also `MESSAGES_TABLE`)
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub messages_table: Option<String>,

    /// The table of accounts, keys and senders (also `DIRECTORY_TABLE`)
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub directory_table: Option<String>,

    /// The secret of carriers (also `CARRIER_SECRETS`)
    #[arg(long, global = true, value_name = "ARN", hide_short_help = true)]
    pub carrier_secrets: Option<String>,

    /// The queue of jobs (also `JOBS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub jobs_queue_url: Option<String>,

    /// Its dead letters (also `JOBS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub jobs_dead_letters_url: Option<String>,

    /// The queue of callbacks (also `CALLBACKS_QUEUE_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub callbacks_queue_url: Option<String>,

    /// Its dead letters (also `CALLBACKS_DEAD_LETTERS_URL`)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub callbacks_dead_letters_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Clients: who may send, and where their replies go
    #[command(subcommand)]
    Account(AccountCommand),
    /// API keys of an account
    #[command(subcommand)]
    Key(KeyCommand),
    /// Secrets that an account's callbacks are signed with
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Sender IDs that an account owns
    #[command(subcommand)]
    Sender(SenderCommand),
    /// Sender IDs that all accounts share
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Replies by which recipients stop, start, or ask for help
    #[command(subcommand)]
    Keyword(KeywordCommand),
    /// Who takes messages further
    #[command(subcommand)]
    Carrier(CarrierCommand),
    /// Which carriers a message may go through
    #[command(subcommand)]
    Route(RouteCommand),
    /// Clients' endpoints that fail
    #[command(subcommand)]
    Endpoint(EndpointCommand),
    /// Callbacks to clients
    #[command(subcommand)]
    Callback(CallbackCommand),
    /// Stored messages
    #[command(subcommand)]
    Message(MessageCommand),
    /// Receipts and replies that match nothing
    #[command(subcommand)]
    Unmatched(UnmatchedCommand),
    /// Jobs and callbacks that failed too often
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Enqueue every message again that is to be sent: after a queue was lost
    Requeue(RequeueCommand),
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key. It is shown this once, alone on standard output
    #[command(after_help = "Example: KEY=$(admin key issue acme)")]
    Issue { account: AccountId },
    /// List an account's keys by their ids
    List { account: AccountId },
    /// Revoke a key. It works for up to 30 seconds more
    Revoke {
        account: AccountId,
        /// As `key list` shows it
        #[arg(value_parser = key_id)]
        key_id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Make a new secret beside those there are. It is shown this once, alone on standard output
    #[command(
        after_help = "To replace a secret: rotate, give the new one to the client, and when it takes what is signed with\n\
        either, retire. Until then `webhook-signature` has a signature for each secret, the newest first, and\n\
        the `signature` of the mplus format is still made with the oldest."
    )]
    Rotate { account: AccountId },
    /// Drop all secrets but the newest, which then signs alone
    Retire { account: AccountId },
}

#[derive(Debug, Subcommand)]
pub enum SenderCommand {
    /// Give a sender ID to an account
    Add {
        sender: SenderId,
        #[arg(long, value_name = "ID")]
        account: AccountId,
    },
    /// Take a sender ID from the account that owns it
    Remove { sender: SenderId },
    /// Say how many messages a second a sender ID carries, owned or shared; more wait their turn
    #[command(after_help = "Example: admin sender rate 441234567890 --per-second 10")]
    Rate {
        sender: SenderId,
        #[command(flatten)]
        rate: SenderRate,
    },
    /// Let opt-outs not block what the owner sends from a sender ID
    #[command(
        after_help = "Only for a sender from which nothing but messages come that the recipient cannot be without, such as\n\
        one-time codes and warnings of fraud. To send anything else, above all advertising, to who has said\n\
        STOP breaks the law in most countries (in the United States the TCPA, in the European Union the\n\
        ePrivacy directive). STOP is still recorded, is not confirmed, and counts again after --not. The\n\
        exemption is this owner's, and ends when the sender is taken from it. Example:\n  \
        admin sender exempt 441234567890"
    )]
    Exempt {
        sender: SenderId,
        /// Let opt-outs block it again
        #[arg(long)]
        not: bool,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct SenderRate {
    /// 1 to 1,000; what waits already keeps its turn
    #[arg(long, value_name = "N")]
    pub per_second: Option<Rate>,
    /// As many as there are
    #[arg(long)]
    pub unlimited: bool,
}

#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    /// Share sender IDs
    Add {
        #[arg(required = true, value_name = "SENDER")]
        senders: Vec<SenderId>,
    },
    /// List the shared sender IDs
    List,
    /// Begin no more conversations from a shared sender ID; those under way stay on it
    Remove { sender: SenderId },
}

#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Show a message with its history and receipts
    Show {
        #[arg(value_parser = message_id)]
        id: MessageId,
        /// Show its text and callback address too
        #[arg(long)]
        reveal: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Show how much waits in each, and up to ten of them
    List,
    /// Move all of them back to their queue
    Replay { queue: DeadQueue },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum DeadQueue {
    Jobs,
    Callbacks,
}

#[derive(Debug, Args)]
pub struct RequeueCommand {
    /// Do it
    #[arg(long)]
    pub yes: bool,
}

fn callback_url(text: &str) -> Result<CallbackUrl, String> {
    text.parse::<CallbackUrl>().map_err(|error| format!("the address {error}"))
}

fn key_id(text: &str) -> Result<String, &'static str> {
    let fits = (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("a key's id is the 8 hex digits that `key list` shows") }
}

fn message_id(text: &str) -> Result<MessageId, &'static str> {
    text.parse().map_err(|_| "a message's id is a UUID")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
