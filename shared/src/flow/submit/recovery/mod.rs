//! Recovery: do the work that is due for a message that could not be claimed.
//!
//! 1. Find out which recovery the client and the carriers allow (`options`).
//! 2. Choose the next action from the record alone (`plan`).
//! 3. Do it (`execute`). Before we resend, fail over or give up an unknown outcome, we ask the carrier
//!    (`lookup`).
//!
//! Several jobs may recover one message at the same time. Each write expects the execution ID that the plan
//! was made from, so only one succeeds.

mod execute;
mod lookup;
mod options;
mod plan;

pub(super) use self::{
    execute::{Recovery, recover},
    options::{first_check, still_unknown},
};
