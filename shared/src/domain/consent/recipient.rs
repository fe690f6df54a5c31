//! Recipients: their locks on shared senders, and their opt-outs.

use std::collections::{HashMap, HashSet};

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
}
