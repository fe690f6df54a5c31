//! The whole system on one machine, in two halves that speak only HTTP with
//! each other: [`emulator`] is what AWS and the phone network would be, [`gateway`]
//! is what is deployed to AWS.

pub mod config;
pub mod emulator;
pub mod gateway;
pub mod lambda;
pub mod template;
