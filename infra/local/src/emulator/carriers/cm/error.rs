//! CM.com's errors. Codes and texts are from the tables of its page "Business Messaging API". An error
//! without a text of its own there has the description of its code.

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestError {
    pub(super) code: u16,
    pub(super) details: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageError {
    pub(super) code: u16,
    pub(super) details: String,
}

impl RequestError {
    fn new(code: u16, details: impl Into<String>) -> Self {
        Self { code, details: details.into() }
    }

    pub(super) fn no_account() -> Self {
        Self::new(101, "No account found for the given authentication")
    }

    pub(super) fn no_token() -> Self {
        Self::new(103, "Invalid product token.")
    }

    pub(super) fn not_json() -> Self {
        Self::new(202, "Invalid JSON")
    }

    pub(super) fn no_messages() -> Self {
        Self::new(203, "A MESSAGES object requires at least one MSG object")
    }

    pub(super) fn messages_not_an_array() -> Self {
        Self::new(203, not_an_array("MSG"))
    }

    pub(super) fn too_many_messages() -> Self {
        Self::new(203, "The request's MSG array is incorrect")
    }
}

impl MessageError {
    fn new(code: u16, details: impl Into<String>) -> Self {
        Self { code, details: details.into() }
    }

    pub(super) fn no_from() -> Self {
        Self::new(301, "No FROM field found in a MSG object.")
    }

    pub(super) fn from() -> Self {
        Self::new(301, "This MSG has an invalid From field")
    }

    pub(super) fn no_to() -> Self {
        Self::new(302, "This MSG has an invalid To field")
    }

    pub(super) fn to_not_an_array() -> Self {
        Self::new(302, not_an_array("TO"))
    }

    pub(super) fn no_number() -> Self {
        Self::new(303, "Empty mobilenumber field, MT ignored")
    }

    /// Uses the text of the page's sample. In the table, the text begins with "Rejected: ".
    pub(super) fn not_a_number(written: &str) -> Self {
        Self::new(303, format!("Gsm '{written}' is not a number."))
    }

    pub(super) fn no_body() -> Self {
        Self::new(304, "No body field was found")
    }

    pub(super) fn no_content() -> Self {
        Self::new(304, "A body without content was found")
    }

    pub(super) fn body() -> Self {
        Self::new(304, "This MSG has an invalid Body field")
    }

    pub(super) fn channels_not_an_array() -> Self {
        Self::new(305, not_an_array("ALLOWEDCHANNELS"))
    }

    pub(super) fn field(name: &str) -> Self {
        Self::new(305, format!("This MSG has an invalid field ({name}). Please confirm with the documentation"))
    }

    pub(super) fn rejected() -> Self {
        Self::new(403, "Message has been rejected")
    }
}

fn not_an_array(object: &str) -> String {
    format!("{object} object is an invalid type, must be an array")
}
