//! Recipients: their locks on shared senders, and their opt-outs.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::domain::{AccountId, SenderId};

/// Senders the recipient opted out of.
pub type OptOuts = HashSet<SenderId>;

/// A recipient. Each shared sender is locked to at most one account, and each account to at most one shared
/// sender. Locks are permanent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    pub sender_of: HashMap<AccountId, SenderId>,
    pub account_of: HashMap<SenderId, AccountId>,
    pub opt_outs: OptOuts,
    /// When the recipient last sent START to a sender.
    pub opted_in_at: HashMap<SenderId, Timestamp>,
    /// When an account's client opted the recipient out of all its messages.
    pub out_of_accounts: HashMap<AccountId, Timestamp>,
}

impl Recipient {
    /// Returns whether an opt-out stands against messages of this account from this sender: the recipient's own STOP,
    /// or the client's opt-out without a later START.
    #[must_use]
    pub fn has_opted_out(&self, account: &AccountId, sender: &SenderId) -> bool {
        let wants_again = |out_at: &Timestamp| self.opted_in_at.get(sender).is_some_and(|in_at| in_at > out_at);
        let out_of_account = self.out_of_accounts.get(account).is_some_and(|out_at| !wants_again(out_at));
        out_of_account || self.opt_outs.contains(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_after_the_clients_opt_out_overrides_it_for_its_sender() {
        let (account, other) = ("a".parse::<AccountId>().unwrap(), "b".parse::<AccountId>().unwrap());
        let (sender, second) = ("12345".parse::<SenderId>().unwrap(), "12346".parse::<SenderId>().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut recipient = Recipient::default();
        assert!(!recipient.has_opted_out(&account, &sender));
        recipient.out_of_accounts.insert(account.clone(), at(10));
        assert!(recipient.has_opted_out(&account, &sender) && !recipient.has_opted_out(&other, &sender));
        for (start, is_out) in [(9, true), (10, true), (11, false)] {
            recipient.opted_in_at.insert(sender.clone(), at(start));
            assert_eq!(recipient.has_opted_out(&account, &sender), is_out, "{start}");
            assert!(recipient.has_opted_out(&account, &second));
        }
        recipient.opt_outs.insert(sender.clone());
        assert!(recipient.has_opted_out(&account, &sender) && recipient.has_opted_out(&other, &sender));
    }
}
