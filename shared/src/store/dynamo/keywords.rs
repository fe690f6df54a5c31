//! The words that an operator added to the keywords: one item of the directory,
//! read at once, and each an attribute, so that two operators do not overwrite
//! each other's.

use super::{DynamoDirectory, Item, change::Answer, directory::unreadable, keys, string};
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
        self.latest(keys::KEYWORDS.to_owned()).await?.as_ref().map_or_else(|| Ok(Keywords::default()), read_keywords)
    }

    /// Adds a word, unless it was added before. Says what it means then.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn add_keyword(&self, word: &Word, means: Keyword) -> Result<Keyword, StoreError> {
        let attribute = keys::word(word);
        let update = self.update(keys::KEYWORDS.to_owned());
        match update.set(&attribute, string(means.as_str())).expect_absent(&attribute).send("add a keyword").await? {
            Answer::Made(_) => Ok(means),
            Answer::Refused(item) => read_keywords(&item)?.added_as(word).ok_or_else(|| unreadable("a keyword")),
            Answer::Missing => Err(unreadable("keywords that are there cannot be read")),
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
            update.expect(&attribute, string(meant.as_str())).send("remove a keyword").await?;
        }
        Ok(meant)
    }
}

pub(super) fn read_keywords(item: &Item) -> Result<Keywords, StoreError> {
    let words = item.iter().filter_map(|(name, value)| Some((name.strip_prefix(keys::WORD)?, value)));
    words
        .map(|(word, value)| {
            let keyword = value.as_s().ok().and_then(|value| Keyword::parse(value));
            Ok((Word::parse(word).map_err(unreadable)?, keyword.ok_or_else(|| unreadable("what a keyword means"))?))
        })
        .collect()
}
