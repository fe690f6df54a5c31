//! The local stack's simulated network, as a carrier.

pub mod carrier;
