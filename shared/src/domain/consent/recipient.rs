//! What is known of a recipient: whose conversation runs on which shared
//! sender, and which senders it does not want to hear from.

use std::collections::{HashMap, HashSet};

use crate::domain::{AccountId, SenderId};

/// The senders that a recipient has opted out of.
pub type OptOuts = HashSet<SenderId>;

/// One recipient. A sender is locked to at most one account and an account to
/// at most one sender, for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    pub sender_of: HashMap<AccountId, SenderId>,
    pub account_of: HashMap<SenderId, AccountId>,
    pub opt_outs: OptOuts,
}
