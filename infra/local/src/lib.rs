//! The whole system on one machine, in two halves, connected only by HTTP: [`emulator`] stands for AWS and
//! the phone network, [`gateway`] runs the functions of the SAM template.

mod browser_guard;
pub mod config;
pub mod emulator;
pub mod gateway;
pub mod lambda;
mod paths;
pub mod template;
