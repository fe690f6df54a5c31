//! The command line of `keyword`, and of what an account answers to keywords.

use clap::{Args, Subcommand};
use shared::domain::{Keyword, KeywordAnswer, Word};

#[derive(Debug, Subcommand)]
pub enum KeywordCommand {
    /// Add a word; a reply counts that is nothing else, in any case and punctuation
    #[command(after_help = "Example: admin keyword add BASTA --means stop")]
    Add {
        #[arg(value_parser = Word::parse)]
        word: Word,
        /// stop: block all that follows from that sender; start: lift that; help: only answer
        #[arg(long, value_name = "stop|start|help", value_parser = meaning)]
        means: Keyword,
    },
    /// List every word: the built-in ones, which always count, and those that were added
    List,
    /// Take away a word that was added
    Remove {
        #[arg(value_parser = Word::parse)]
        word: Word,
    },
}

/// What recipients are answered who send a keyword. Each is one of the things of
/// which `account set` wants at least one.
#[derive(Debug, Args)]
pub struct KeywordTexts {
    /// Answer STOP so, once for each time that it blocks something; '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = text, group = "AccountSetWhat")]
    pub stop_text: Option<KeywordAnswer>,
    /// Answer START so, where something was blocked; '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = text, group = "AccountSetWhat")]
    pub start_text: Option<KeywordAnswer>,
    /// Answer HELP so; '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = text, group = "AccountSetWhat")]
    pub help_text: Option<KeywordAnswer>,
    /// Answer all three in the usual words, which name the account
    #[arg(long, group = "AccountSetWhat", conflicts_with_all = ["stop_text", "start_text", "help_text"])]
    pub usual_texts: bool,
}

fn meaning(text: &str) -> Result<Keyword, &'static str> {
    Keyword::parse(text).ok_or("a keyword means stop, start or help")
}

fn text(text: &str) -> Result<KeywordAnswer, String> {
    KeywordAnswer::parse(text).map_err(|error| error.to_string())
}
