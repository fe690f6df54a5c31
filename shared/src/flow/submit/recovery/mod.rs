//! Recovery: what is due for a message that could not be claimed, above all if its outcome is unknown.
//!
//! `plan` decides by the record alone, and `execute` does it. If the carrier can be asked, `lookup` asks before anything
//! is resent; `options` knows whether the client wants a resend.

mod execute;
mod lookup;
mod options;
mod plan;

pub(super) use self::{
    execute::{Recovery, recover},
    options::{first_check, still_unknown},
};
