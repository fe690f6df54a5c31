//! The words that an operator added to the keywords: one item of the directory,
//! read at once, and each an attribute, so that two operators do not overwrite
//! each other's.

use tracing::error;

use super::{DynamoDirectory, Item, change::UpdateResult, directory::unreadable, keys, string};
use crate::{
    domain::{Keyword, Keywords, Word},
    store::StoreError,
};

impl DynamoDirectory {
    /// Every word that was added.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn latest_keywords(&self) -> Result<Keywords, StoreError> {
        Ok(self.latest(keys::KEYWORDS.to_owned()).await?.as_ref().map(read_keywords).unwrap_or_default())
    }

    /// Adds a word, unless it was added before. Says what it means then.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn add_keyword(&self, word: &Word, means: Keyword) -> Result<Keyword, StoreError> {
        let attribute = keys::word(word);
        let update = self.update(keys::KEYWORDS.to_owned());
        match update.set(&attribute, string(means.into_str())).expect_absent(&attribute).send("add a keyword").await? {
            UpdateResult::Applied(_) => Ok(means),
            UpdateResult::Conflict(item) => read_keywords(&item).added_as(word).ok_or_else(|| unreadable("a keyword")),
            UpdateResult::NotFound => Err(unreadable("keywords that are there cannot be read")),
        }
    }

    /// Takes away a word that was added. Says what it meant; none where it was not
    /// there.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn remove_keyword(&self, word: &Word) -> Result<Option<Keyword>, StoreError> {
        let meant = self.latest_keywords().await?.added_as(word);
        if let Some(meant) = meant {
            let attribute = keys::word(word);
            let update = self.update(keys::KEYWORDS.to_owned()).remove(&attribute);
            // Refused if another operator was quicker, or an earlier try was: then it is gone, too,
            // unless it was added again with another meaning.
            update.expect(&attribute, string(meant.into_str())).send("remove a keyword").await?;
        }
        Ok(meant)
    }
}

/// What cannot be read of them is left out: one slip must not stop every reply.
pub(super) fn read_keywords(item: &Item) -> Keywords {
    let words = item.iter().filter_map(|(name, value)| Some((name.strip_prefix(keys::WORD)?, value)));
    words
        .filter_map(|(word, value)| {
            let read = word.parse::<Word>().ok().zip(value.as_s().ok().and_then(|value| value.parse::<Keyword>().ok()));
            if read.is_none() {
                error!(word, "a keyword in the directory cannot be read and does not count");
            }
            read
        })
        .collect()
}
