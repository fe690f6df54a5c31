//! The simulated network of the local stack, as a carrier.

pub mod carrier;
