//! Cymba Messaging Plus, by its pages "Add Message" and "Starting a conversation". Where they are silent the
//! choice is ours, and a comment says so.

pub mod event;
pub mod request;
pub mod response;
