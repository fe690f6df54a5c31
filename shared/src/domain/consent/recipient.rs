//! Recipients: their locks on shared senders, and their opt-outs.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::domain::{AccountId, SenderId};

/// Senders the recipient opted out of.
pub type OptOuts = HashSet<SenderId>;

/// A recipient. Each shared sender is locked to at most one account, and each account to at most one shared
/// sender. A used lock is permanent, unless the operator releases it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    pub sender_of: HashMap<AccountId, SenderId>,
    pub account_of: HashMap<SenderId, AccountId>,
    /// The unused locks: we have not yet handed any of their messages to a carrier. From this time on, another account
    /// may take the sender over if no sender is free.
    pub reserved_until: HashMap<SenderId, Timestamp>,
    pub opt_outs: OptOuts,
    /// When the recipient last sent START to a sender.
    pub opted_in_at: HashMap<SenderId, Timestamp>,
    /// When an account's client opted the recipient out of all messages from the account.
    pub out_of_accounts: HashMap<AccountId, Timestamp>,
}

impl Recipient {
    /// Returns the account with a conversation over this shared sender.
    #[must_use]
    pub fn conversation_of(&self, sender: &SenderId) -> Option<&AccountId> {
        self.account_of.get(sender).filter(|_| !self.reserved_until.contains_key(sender))
    }

    /// Returns whether no account has this shared sender.
    #[must_use]
    pub fn is_free(&self, sender: &SenderId) -> bool {
        !self.account_of.contains_key(sender)
    }

    /// Returns the account from which another account may take this shared sender over.
    #[must_use]
    pub fn idle_holder(&self, sender: &SenderId, now: Timestamp) -> Option<&AccountId> {
        let is_over = self.reserved_until.get(sender).is_some_and(|until| *until <= now);
        self.account_of.get(sender).filter(|_| is_over)
    }

    /// Returns whether an opt-out blocks this account's messages from this sender: the recipient's own STOP, or the
    /// client's opt-out without a later START.
    #[must_use]
    pub fn has_opted_out(&self, account: &AccountId, sender: &SenderId) -> bool {
        let wants_again = |out_at: &Timestamp| self.opted_in_at.get(sender).is_some_and(|in_at| in_at > out_at);
        let out_of_account = self.out_of_accounts.get(account).is_some_and(|out_at| !wants_again(out_at));
        out_of_account || self.opt_outs.contains(sender)
    }

    /// Returns whether an opt-out concerns the account, which owns these senders, and perhaps a locked shared
    /// sender. The client's opt-out counts unless the recipient later sent START to one of the senders. The recipient's
    /// STOP to any of them counts, too.
    #[must_use]
    pub fn is_out_of(&self, account: &AccountId, owned: &[SenderId]) -> bool {
        let mut senders = owned.iter().chain(self.sender_of.get(account));
        let wants_again = |out_at: &Timestamp| {
            let mut senders = senders.clone();
            senders.any(|sender| self.opted_in_at.get(sender).is_some_and(|in_at| in_at > out_at))
        };
        let out_of_account = self.out_of_accounts.get(account).is_some_and(|out_at| !wants_again(out_at));
        out_of_account || senders.any(|sender| self.opt_outs.contains(sender))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_lock_can_be_taken_over_after_its_reservation() {
        let (account, sender) = ("a".parse::<AccountId>().unwrap(), "12345".parse::<SenderId>().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut recipient = Recipient::default();
        assert!(recipient.is_free(&sender) && recipient.idle_holder(&sender, at(10)).is_none());
        recipient.account_of.insert(sender.clone(), account.clone());
        assert!(!recipient.is_free(&sender) && recipient.idle_holder(&sender, at(10)).is_none());
        assert_eq!(recipient.conversation_of(&sender), Some(&account));
        recipient.reserved_until.insert(sender.clone(), at(10));
        assert_eq!(recipient.conversation_of(&sender), None);
        assert_eq!(recipient.idle_holder(&sender, at(9)), None);
        assert_eq!(recipient.idle_holder(&sender, at(10)), Some(&account));
    }

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

    #[test]
    fn opt_out_concerns_the_account_of_the_sender() {
        let (account, other) = ("a".parse::<AccountId>().unwrap(), "b".parse::<AccountId>().unwrap());
        let sender = |text: &str| text.parse::<SenderId>().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let owned = [sender("12345"), sender("12346")];
        let is_out = |recipient: &Recipient| recipient.is_out_of(&account, &owned);
        let foreign = Recipient {
            out_of_accounts: [(other.clone(), at(1))].into(),
            sender_of: [(other.clone(), sender("88888"))].into(),
            opt_outs: [sender("88888")].into(),
            ..Recipient::default()
        };
        assert!(!is_out(&foreign) && foreign.is_out_of(&other, &[]));
        for stopped in ["12345", "12346", "77777"] {
            let mut recipient = foreign.clone();
            recipient.sender_of.insert(account.clone(), sender("77777"));
            assert!(!is_out(&recipient));
            recipient.opt_outs.insert(sender(stopped));
            assert!(is_out(&recipient), "{stopped}");
        }
        for (started, second, expected) in
            [("12346", 11, false), ("77777", 11, false), ("12346", 10, true), ("88888", 11, true)]
        {
            let mut recipient = foreign.clone();
            recipient.sender_of.insert(account.clone(), sender("77777"));
            recipient.out_of_accounts.insert(account.clone(), at(10));
            assert!(is_out(&recipient));
            recipient.opted_in_at.insert(sender(started), at(second));
            assert_eq!(is_out(&recipient), expected, "{started} {second}");
            recipient.opt_outs.insert(owned[0].clone());
            assert!(is_out(&recipient));
        }
    }
}
