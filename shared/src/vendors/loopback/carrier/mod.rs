//! The loopback carrier: a real connector to the local stack's simulated network. `infra/local/src/emulator`
//! serves and describes its formats.

pub mod lookup;
pub mod receipt;
pub mod reply;
pub mod submit;
