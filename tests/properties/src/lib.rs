//! Properties of every parser of external bytes, for any input.
//!
//! Each function passes its bytes to related parsers, both raw and as changes to a valid sample,
//! and panics if a property does not hold. The fuzz targets of `tests/fuzz`, which run until stopped, and the
//! property tests of this crate, which take about a second each, call the same functions.
//!
//! | function | source of the bytes | input |
//! |---|---|---|
//! | [`requests`] | clients | requests in every dialect |
//! | [`receipts`], [`replies`] | carriers | webhook bodies |
//! | [`answers`] | carriers, clients | answers to a submit or a callback |
//! | [`records`] | other releases of the gateway | jobs, items, the carriers' secret |
//! | [`text`] | clients | counting segments and splitting into them |
//! | [`values`] | all | numbers, senders, addresses, cursors, IDs, keywords, times |

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
