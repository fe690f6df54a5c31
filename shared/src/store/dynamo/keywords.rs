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
        // The attribute's condition does not see a word that was stored in another Unicode form.
        if let Some(meaning) = self.latest_keywords().await?.added_as(word) {
            return Ok(meaning);
        }
        let attribute = keys::word(word);
        let update = self.update(keys::KEYWORDS.to_owned());
        match update.set(&attribute, string(means.into_str())).expect_absent(&attribute).send("add a keyword").await? {
            UpdateResult::Applied(_) => Ok(means),
            UpdateResult::Conflict(item) => read_keywords(&item).added_as(word).ok_or_else(|| unreadable("a keyword")),
            UpdateResult::NotFound => Err(unreadable("the keywords that refused the word are missing")),
        }
    }

    /// Removes an added word, in every Unicode form in which it is stored. Returns its keyword, or `None` if the
    /// word was absent.
    pub async fn remove_keyword(&self, word: &Word) -> Result<Option<Keyword>, StoreError> {
        let Some(item) = self.latest(keys::KEYWORDS.to_owned()).await? else { return Ok(None) };
        let forms: Vec<_> = read_entries(&item).filter(|entry| entry.word == *word).collect();
        for entry in &forms {
            let update = self.update(keys::KEYWORDS.to_owned()).remove(entry.attribute);
            // A conflict means that another operator, or an earlier attempt, has removed the word, or that
            // the word was added again with another meaning.
            update.expect(entry.attribute, string(entry.keyword.into_str())).send("remove a keyword").await?;
        }
        Ok(forms.first().map(|entry| entry.keyword))
    }
}

/// Returns the item's keywords.
pub(super) fn read_keywords(item: &Item) -> Keywords {
    read_entries(item).map(|entry| (entry.word, entry.keyword)).collect()
}

/// A word in the item. The attribute may have the word in another Unicode form than [`Word`] does.
struct Entry<'a> {
    attribute: &'a str,
    word: Word,
    keyword: Keyword,
}

/// We skip a malformed entry, because otherwise no reply could be processed.
fn read_entries(item: &Item) -> impl Iterator<Item = Entry<'_>> {
    item.iter().filter_map(|(attribute, value)| {
        let written = attribute.strip_prefix(keys::WORD)?;
        let keyword = value.as_s().ok().and_then(|value| value.parse::<Keyword>().ok());
        let entry = written.parse::<Word>().ok().zip(keyword).map(|(word, keyword)| Entry { attribute, word, keyword });
        if entry.is_none() {
            error!(word = written, "ignored an unreadable keyword in the directory");
        }
        entry
    })
}
