//! CM.com's notations, as both sides read them: what its clients post here, and what
//! CM itself posts and answers. Either may write names in any case.

pub mod carrier;
pub(crate) mod caseless;
pub mod dialect;
pub(crate) mod xml;
