//! What holds for every parser of bytes from outside, whatever the bytes.
//!
//! Each function here takes bytes, brings them to the parsers of one kind by the
//! door that such bytes come in by, as they are and as changes to a sample of the
//! vendor's document, and panics where a promise is broken. Both who make bytes up
//! call it, so that they cannot drift apart: libFuzzer by a target of `tests/fuzz`,
//! for as long as one likes, and proptest by a test of this crate, for a second.
//!
//! | | whose bytes | |
//! |---|---|---|
//! | [`requests`] | clients | what they post, in every dialect |
//! | [`receipts`], [`replies`] | carriers | what they post to the webhooks |
//! | [`answers`] | carriers, clients | what they answer to a submit or a callback |
//! | [`records`] | ourselves, in another release | jobs, items, the carriers' secret |
//! | [`text`] | clients | counting and cutting into segments |
//! | [`values`] | everyone | numbers, senders, addresses, cursors, ids, keywords, times |

mod answers;
mod endpoint;
mod mutate;
#[cfg(test)]
mod property_tests;
mod receipts;
mod records;
mod render;
mod replies;
mod requests;
mod samples;
mod store;
mod text;
mod values;
mod words;

pub use answers::answers;
pub use receipts::receipts;
pub use records::records;
pub use replies::replies;
pub use requests::requests;
pub use text::text;
pub use values::values;
