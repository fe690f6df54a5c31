//! Senders exempt from opt-outs, because recipients need their messages.

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::{AccountId, SenderId};

/// Exempt senders, each with the account that owned it when an operator exempted it. The exemption does not
/// hold for a later owner. Clones share the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exemptions(Arc<BTreeMap<SenderId, AccountId>>);

impl Exemptions {
    /// Returns whether `sender` is exempt for `account`.
    #[must_use]
    pub fn cover(&self, sender: &SenderId, account: &AccountId) -> bool {
        self.0.get(sender) == Some(account)
    }
}

impl FromIterator<(SenderId, AccountId)> for Exemptions {
    fn from_iter<I: IntoIterator<Item = (SenderId, AccountId)>>(senders: I) -> Self {
        Self(Arc::new(senders.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_is_exempt_for_one_account() {
        let sender = |text: &str| text.parse::<SenderId>().unwrap();
        let account = |text: &str| text.parse::<AccountId>().unwrap();
        let exemptions: Exemptions = [(sender("12345"), account("bank"))].into_iter().collect();
        assert!(exemptions.cover(&sender("12345"), &account("bank")));
        assert!(!exemptions.cover(&sender("12345"), &account("shop")));
        assert!(!exemptions.cover(&sender("12346"), &account("bank")));
    }
}
