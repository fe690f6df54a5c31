//! Recovery: do the work that is due for a message that cannot be claimed.
//!
//! 1. Find out which recovery the client, account and carriers allow (`options`).
//! 2. Choose the next action from the record (`plan`).
//! 3. Execute the action (`execute`). Before a resend, a failover or giving up, ask the carriers (`lookup`).
//!
//! Jobs may race here. Each write expects the record behind its plan, so only one succeeds.

mod execute;
mod lookup;
mod options;
mod plan;

pub(super) use self::{
    execute::{Recovery, recover},
    options::{first_check, still_unknown},
};
