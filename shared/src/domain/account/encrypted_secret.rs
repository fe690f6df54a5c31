//! Encrypted secrets: clients' callback secrets as we store them.

use serde::{Deserialize, Serialize};

/// A client's callback secret, encrypted. Only functions with the key can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncryptedSecret(pub String);
