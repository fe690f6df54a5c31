//! The operator's keywords: a single directory item, with an attribute per word, so two operators do not
//! overwrite each other.

use tracing::error;

use super::{DynamoDirectory, Item, change::UpdateResult, directory::unreadable, keys, string};
use crate::{
    domain::{Keyword, Keywords, Word},
    store::StoreError,
};

impl DynamoDirectory {
    /// Returns the operator's keywords.
    pub async fn latest_keywords(&self) -> Result<Keywords, StoreError> {
        Ok(self.latest(keys::KEYWORDS.to_owned()).await?.as_ref().map(read_keywords).unwrap_or_default())
    }

    /// Adds a word, unless already added. Returns the keyword that the word then stands for.
    pub async fn add_keyword(&self, word: &Word, means: Keyword) -> Result<Keyword, StoreError> {
        let attribute = keys::word(word);
        let update = self.update(keys::KEYWORDS.to_owned());
        match update.set(&attribute, string(means.into_str())).expect_absent(&attribute).send("add a keyword").await? {
            UpdateResult::Applied(_) => Ok(means),
            UpdateResult::Conflict(item) => read_keywords(&item).added_as(word).ok_or_else(|| unreadable("a keyword")),
            UpdateResult::NotFound => Err(unreadable("the keywords that refused the word are missing")),
        }
    }

    /// Removes an added word. Returns its keyword, or `None` if the word was absent.
    pub async fn remove_keyword(&self, word: &Word) -> Result<Option<Keyword>, StoreError> {
        let meant = self.latest_keywords().await?.added_as(word);
        if let Some(meant) = meant {
            let attribute = keys::word(word);
            let update = self.update(keys::KEYWORDS.to_owned()).remove(&attribute);
            // A conflict means that another operator, or an earlier attempt, has removed the word, or that
            // the word was added again with another meaning.
            update.expect(&attribute, string(meant.into_str())).send("remove a keyword").await?;
        }
        Ok(meant)
    }
}

/// Returns the item's keywords. We skip an entry that does not parse, because otherwise no reply could be
/// processed.
pub(super) fn read_keywords(item: &Item) -> Keywords {
    let words = item.iter().filter_map(|(name, value)| Some((name.strip_prefix(keys::WORD)?, value)));
    words
        .filter_map(|(word, value)| {
            let read = word.parse::<Word>().ok().zip(value.as_s().ok().and_then(|value| value.parse::<Keyword>().ok()));
            if read.is_none() {
                error!(word, "ignored an unreadable keyword in the directory");
            }
            read
        })
        .collect()
}
