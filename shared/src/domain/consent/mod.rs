//! Consent: keywords, opt-outs and the senders that opt-outs do not block.

mod exemption;
mod keyword;
mod keyword_answer;
mod recipient;

pub use exemption::Exemptions;
pub use keyword::{Keyword, Keywords, Word, WordError, built_in_words};
pub use keyword_answer::KeywordAnswer;
pub use recipient::{OptOuts, Recipient};
