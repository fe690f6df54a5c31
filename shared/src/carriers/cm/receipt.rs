use crate::carriers::{CarrierReceipt, UnreadableError};

pub(crate) fn read(_: &[u8]) -> Result<Vec<CarrierReceipt>, UnreadableError> {
    Err(UnreadableError::new("(body)", "cannot be read yet"))
}
