//! The command line for unmatched receipts and replies.

use clap::{Args, Subcommand};
use shared::domain::{CarrierName, UnmatchedKind};

use super::carriers::carrier;

#[derive(Debug, Subcommand)]
pub enum UnmatchedCommand {
    /// List what carriers brought in the last 7 days and nothing was found for, the oldest first
    #[command(after_help = "It reads the whole table of messages.\n\
        Example: admin unmatched list --kind reply --carrier cm")]
    List(UnmatchedList),
    /// Try all of it again now, as is done by itself ever more seldom
    #[command(after_help = "It reads the whole table of messages. For instance after a sender ID was added that had\n\
        got replies before; what was added counts within 30 seconds.")]
    Replay,
}

#[derive(Debug, Args)]
pub struct UnmatchedList {
    /// Only receipts, or only replies
    #[arg(long, value_name = "receipt|reply", value_parser = kind)]
    pub kind: Option<UnmatchedKind>,
    /// Only what this carrier brought
    #[arg(long, value_name = "NAME", value_parser = carrier)]
    pub carrier: Option<CarrierName>,
    /// Show what came too, with its numbers and texts
    #[arg(long)]
    pub reveal: bool,
}

fn kind(text: &str) -> Result<UnmatchedKind, &'static str> {
    text.parse().map_err(|_| "the kinds are: receipt, reply")
}
