//! The product as those meet it who wish it ill: a client with a key and one without,
//! whoever finds a carrier's webhook, the owner of a callback's URL, and a phone that
//! writes replies. What they may cost is in `cost`, what they may reach in `reach`,
//! what they may slip into where it counts as something else in `injection`; and that
//! nobody's secrets are told to anybody, a log least of all, in `canary`.

#![expect(clippy::unwrap_used, reason = "a test that fails may say so where it stands")]

mod canary;
mod cost;
mod injection;
mod reach;
