//! What the tests that run the whole system have in common: a system for each,
//! and what clients, carriers and phones do to it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that fails may say so where it stands"
)]

pub mod carrier;
pub mod system;
