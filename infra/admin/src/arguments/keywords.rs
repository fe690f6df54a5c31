//! The command line of `keyword`, and of what an account answers to keywords.

use clap::Subcommand;
use shared::domain::{Keyword, KeywordAnswer, Word};

#[derive(Debug, Subcommand)]
pub enum KeywordCommand {
    /// Add a word; a reply counts that is nothing else, in any case and punctuation
    #[command(after_help = "Example: admin keyword add BASTA --means stop")]
    Add {
        word: Word,
        /// stop: block all that follows from that sender; start: lift that; help: only answer
        #[arg(long, value_name = "stop|start|help", value_parser = meaning)]
        means: Keyword,
    },
    /// List every word: the built-in ones, which always count, and those that were added
    List,
    /// Take away a word that was added
    Remove { word: Word },
}

fn meaning(text: &str) -> Result<Keyword, &'static str> {
    text.parse().map_err(|_| "a keyword means stop, start or help")
}

pub(super) fn answer(text: &str) -> Result<KeywordAnswer, String> {
    text.parse::<KeywordAnswer>().map_err(|error| error.to_string())
}
