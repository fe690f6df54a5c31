//! Cymba Messaging Plus, as its pages "Add Message" and "Starting a
//! conversation" describe it. Where they are silent, the choice is ours and the
//! place says so.

pub mod event;
pub mod request;
pub mod response;
