//! Lambda, as a function's binary sees it: a process that is given its
//! environment, asks for one invocation after another, and answers each.
//!
//! See AWS's "Using the Lambda runtime API for custom runtimes". What decides
//! when a function is invoked, and how many of it run, is not here.

pub mod http_event;
mod instance;
mod runtime_api;

pub use instance::{Instance, InvocationError, Settings};
