//! Endpoints: the callback URLs of accounts, and their health.

mod health;

pub use health::{CircuitState, Disabled, Endpoint, EndpointHealth};
