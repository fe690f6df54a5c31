//! Operator: work started by hand.

pub mod cancel_all;
pub mod carrier_use;
pub mod replay_callbacks;
pub mod replay_unmatched;
pub mod requeue;
