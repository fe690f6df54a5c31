//! Operator: jobs started by hand, apart from the steps of a message's life.

pub mod replay_callbacks;
pub mod replay_unmatched;
pub mod requeue;
