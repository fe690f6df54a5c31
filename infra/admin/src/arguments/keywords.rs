//! The command line for keywords and an account's answers to them.

use clap::Subcommand;
use shared::domain::{Keyword, KeywordAnswer, Word};

#[derive(Debug, Subcommand)]
pub enum KeywordCommand {
    /// Add a word; a reply with only this word has the meaning, in any case and punctuation
    #[command(after_help = "Example: admin keyword add BASTA --means stop")]
    Add {
        /// The word to add
        word: Word,
        /// stop: block messages from the sender ID; start: unblock them; help: only answer
        #[arg(long, value_name = "stop|start|help", value_parser = meaning)]
        means: Keyword,
    },
    /// List all words, built-in and added
    List,
    /// Remove an added word; built-in words cannot be removed
    Remove {
        /// As `keyword list` shows it
        word: Word,
    },
}

fn meaning(text: &str) -> Result<Keyword, &'static str> {
    text.parse().map_err(|_| "a keyword means stop, start or help")
}

pub(super) fn answer(text: &str) -> Result<KeywordAnswer, String> {
    text.parse::<KeywordAnswer>().map_err(|error| error.to_string())
}
