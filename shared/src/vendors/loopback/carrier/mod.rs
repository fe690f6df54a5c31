//! The loopback carrier: a real connector to the simulated network of the
//! local stack. Its formats are described where they are served, in
//! `infra/local/src/emulator`.

pub mod lookup;
pub mod receipt;
pub mod reply;
pub mod submit;
