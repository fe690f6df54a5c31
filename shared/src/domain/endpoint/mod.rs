//! Endpoints: where accounts are called back, and their health.

mod health;

pub use health::{CircuitState, Disabled, Endpoint, EndpointHealth};
