//! `admin keyword`: added words for STOP, START and HELP.

use serde_json::json;
use shared::domain::{Keyword, Word, built_in_words};
use strum::IntoEnumIterator;

use crate::{
    Context,
    arguments::KeywordCommand,
    failure::Failure,
    output::{Report, table},
};

const WHEN: &str = "The change takes effect within 30 seconds.";

pub async fn run(command: KeywordCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        KeywordCommand::Add { word, means } => add(context, &word, means).await,
        KeywordCommand::List => list(context).await,
        KeywordCommand::Remove { word } => remove(context, &word).await,
    }
}

async fn add(context: &Context, word: &Word, means: Keyword) -> Result<Report, Failure> {
    if let Some(meaning) = word.built_in() {
        return Err(Failure::Refused(format!("the word {word} is built in, and means {}", meaning.into_str())));
    }
    let meaning = context.directory.add_keyword(word, means).await?;
    if meaning != means {
        return Err(Failure::Refused(format!(
            "the word {word} means {} already; remove it first with `admin keyword remove '{word}'`",
            meaning.into_str()
        )));
    }
    let json = json!({"word": word.as_str(), "means": means.into_str()});
    let note = format!("A reply of only {word} means {}. {WHEN}", means.into_str());
    Ok(Report::new("", &json).note(note))
}

async fn list(context: &Context) -> Result<Report, Failure> {
    let added = context.directory.latest_keywords().await?;
    let built_in = built_in_words().map(|(word, means)| (word, means, true));
    let added = added.added().map(|(word, means)| (word.as_str(), means, false));
    // The sort is stable: built-in words stay first within each meaning.
    let mut words: Vec<_> = built_in.chain(added).collect();
    words.sort_by_key(|(_, means, _)| Keyword::iter().position(|keyword| keyword == *means));
    let row = |(word, means, built_in): &(&str, Keyword, bool)| {
        let from = if *built_in { "built in" } else { "added" };
        [(*word).to_owned(), means.into_str().to_owned(), from.to_owned()]
    };
    let rows: Vec<_> = words.iter().map(row).collect();
    let shown: Vec<_> = words
        .iter()
        .map(|(word, means, built_in)| json!({"word": word, "means": means.into_str(), "built_in": built_in}))
        .collect();
    Ok(Report::new(table(["WORD", "MEANS", "FROM"], &rows), &json!({"keywords": shown})))
}

async fn remove(context: &Context, word: &Word) -> Result<Report, Failure> {
    if word.built_in().is_some() {
        return Err(Failure::Refused(format!("the word {word} is built in, and cannot be removed")));
    }
    let Some(meant) = context.directory.remove_keyword(word).await? else {
        return Err(Failure::Refused(format!("the word {word} is no keyword; see `admin keyword list`")));
    };
    let json = json!({"word": word.as_str(), "meant": meant.into_str(), "removed": true});
    let note = format!("The word {word} is no longer a keyword. {WHEN} Opt-outs that it set remain.");
    Ok(Report::new("", &json).note(note))
}
