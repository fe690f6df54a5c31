//! CM.com's formats: those that its clients post to us, and its own posts and answers. Names match in any
//! case.

pub mod carrier;
pub(crate) mod caseless;
pub mod dialect;
pub(crate) mod xml;
