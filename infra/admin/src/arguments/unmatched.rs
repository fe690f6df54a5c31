//! The command line for unmatched receipts and replies.

use clap::{Args, Subcommand};
use shared::domain::{CarrierName, UnmatchedKind};

use super::carriers::carrier;

#[derive(Debug, Subcommand)]
pub enum UnmatchedCommand {
    /// List unmatched receipts and replies from the last 7 days, oldest first
    #[command(after_help = "Reads the whole table of messages.\n\
        Example: admin unmatched list --kind reply --carrier cm-nl")]
    List(UnmatchedList),
    /// Retry all unmatched receipts and replies now
    #[command(
        after_help = "Reads the whole table of messages. Useful after adding a sender ID that already got replies; wait 30\n\
        seconds first, so that the change has taken effect."
    )]
    Replay,
}

#[derive(Debug, Args)]
pub struct UnmatchedList {
    /// Only receipts, or only replies
    #[arg(long, value_name = "receipt|reply", value_parser = kind)]
    pub kind: Option<UnmatchedKind>,
    /// Only receipts and replies from this carrier
    #[arg(long, value_name = "NAME", value_parser = carrier)]
    pub carrier: Option<CarrierName>,
    /// Show the received payloads, too, with their numbers and texts
    #[arg(long)]
    pub reveal: bool,
}

fn kind(text: &str) -> Result<UnmatchedKind, &'static str> {
    text.parse().map_err(|_| "the kinds are: receipt, reply")
}
