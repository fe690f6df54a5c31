//! Addresses: phone numbers, sender IDs, originators of replies, and callback URLs.

mod callback_url;
mod calling_code;
mod originator;
mod phone_number;
mod sender;

pub use callback_url::{CallbackUrl, CallbackUrlError};
pub use calling_code::{CallingCode, CallingCodeError, CarrierNumberError};
pub use originator::{Originator, OriginatorError};
pub use phone_number::{NumberError, PhoneNumber};
pub use sender::{SenderError, SenderId, SenderKind, SenderOwner, SentFrom};
