//! Lambda as a function's binary sees it: an environment, and the Runtime API that hands out invocations,
//! one at a time. Source: AWS, "Using the Lambda runtime API for custom runtimes". The caller decides how
//! many instances run.

pub mod http_event;
mod instance;
mod runtime_api;

pub use instance::{Instance, InvocationError, Settings};
