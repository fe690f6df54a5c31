use crate::carriers::{CarrierReply, UnreadableError};

pub(crate) fn read(_: &[u8]) -> Result<Vec<CarrierReply>, UnreadableError> {
    Err(UnreadableError::new("(body)", "cannot be read yet"))
}
