//! Addresses: phone numbers, sender IDs and callback URLs.

mod callback_url;
mod phone_number;
mod sender;

pub use callback_url::{CallbackUrl, CallbackUrlError};
pub use phone_number::{NumberError, PhoneNumber};
pub use sender::{SenderError, SenderId, SenderKind, SenderOwner, SentFrom};
