//! The whole system on one machine, in two halves: [`world`] is what AWS and the
//! phone network would be.

pub mod world;
