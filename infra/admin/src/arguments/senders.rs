//! The command line for sender IDs, owned and shared.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, PhoneNumber, Rate, SenderId};

use super::{LaneChoice, messages::number};

const SENDER: &str = "Sender ID: a number or a name";

#[derive(Debug, Subcommand)]
pub enum SenderCommand {
    /// Give a sender ID to an account
    #[command(after_help = "Example: admin sender add 441234567890 --account acme")]
    Add {
        #[arg(help = SENDER)]
        sender: SenderId,
        /// The new owner
        #[arg(long, value_name = "ID")]
        account: AccountId,
    },
    /// List sender IDs with their owners, rate limits, lanes and exemptions
    List {
        /// Only this account's sender IDs
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// Take a sender ID from its owner
    Remove {
        #[arg(help = SENDER)]
        sender: SenderId,
    },
    /// Limit the rate of a sender ID, owned or shared; excess messages are sent later
    #[command(after_help = "Example: admin sender rate 441234567890 --per-second 10")]
    Rate {
        #[arg(help = SENDER)]
        sender: SenderId,
        #[command(flatten)]
        rate: SenderRate,
    },
    /// Choose the lane of a sender ID's messages, for requests and API keys without a lane
    #[command(
        after_help = "Each lane has its own queue and concurrency. Example: admin sender lane 441234567890 --lane urgent"
    )]
    Lane {
        #[arg(help = SENDER)]
        sender: SenderId,
        #[command(flatten)]
        choice: LaneChoice,
    },
    /// Exempt messages from a sender ID from recipients' opt-outs
    #[command(
        after_help = "Only for a sender ID that carries nothing but messages that the recipient needs, such as one-time\n\
        codes and fraud warnings. To send anything else, above all advertising, to a recipient who said STOP\n\
        breaks the law in most countries (the TCPA in the United States, the ePrivacy directive in the\n\
        European Union). STOP is still recorded, without confirmation, and blocks again after --not. The\n\
        exemption ends when the sender ID is taken from its owner. Example:\n  \
        admin sender exempt 441234567890"
    )]
    Exempt {
        #[arg(help = SENDER)]
        sender: SenderId,
        /// End the exemption
        #[arg(long)]
        not: bool,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct SenderRate {
    /// Messages a second, 1 to 1,000; waiting messages keep their send slots
    #[arg(long, value_name = "N")]
    pub per_second: Option<Rate>,
    /// Remove the rate limit
    #[arg(long)]
    pub unlimited: bool,
}

#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    /// Add sender IDs to the pool
    #[command(after_help = "Example: admin pool add 448888888801 448888888802")]
    Add {
        #[arg(required = true, value_name = "SENDER", help = SENDER)]
        senders: Vec<SenderId>,
    },
    /// List the sender IDs in the pool
    List,
    /// Start no more conversations from a shared sender ID; existing conversations keep theirs
    Remove {
        #[arg(help = SENDER)]
        sender: SenderId,
    },
    /// Free the shared sender IDs that are reserved for a number, though no message was sent
    #[command(
        after_help = "With --sender, also ends a conversation: replies to the sender ID no longer reach the account, and its\n\
        next message may come from another sender ID. Examples:\n  \
        admin pool release 447700900001\n  \
        admin pool release 447700900001 --sender 448888888801"
    )]
    Release {
        /// The recipient's number
        #[arg(value_parser = number)]
        number: PhoneNumber,
        /// Free this sender ID, even if its conversation has begun
        #[arg(long, value_name = "SENDER")]
        sender: Option<SenderId>,
    },
}
