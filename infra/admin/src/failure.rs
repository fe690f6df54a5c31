//! Why something was not done, and what to do about it.

use std::error::Error;

use shared::{flow::Unavailable, queue::QueueError, runtime::error_chain, store::StoreError};

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line makes no sense as it is.
    #[error("{0}")]
    Usage(String),
    /// What is there does not allow it. Says what to do.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("{action} failed")]
    Aws {
        action: &'static str,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Failure {
    pub fn aws<E: Error + Send + Sync + 'static>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Aws { action, source: Box::new(error) }
    }

    pub fn code(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }

    pub fn shown(&self, json: bool) -> String {
        let mut words = error_chain(self);
        if let Some(advice) = advice(&words) {
            words = format!("{words}\n{advice}");
        }
        if json { serde_json::json!({"error": words}).to_string() + "\n" } else { format!("error: {words}\n") }
    }
}

impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Store(error) => error.into(),
            Unavailable::Queue(error) => error.into(),
        }
    }
}

/// What helps against the usual causes, known by AWS's own words for them.
fn advice(words: &str) -> Option<&'static str> {
    let says = |any: &[&str]| any.iter().any(|part| words.contains(part));
    if says(&["ExpiredToken", "token has expired", "security token included in the request is expired"]) {
        Some("Sign in again, for example with `aws sso login`.")
    } else if says(&[
        "loading credentials",
        "no providers in chain",
        "CredentialsNotLoaded",
        "credentials provider",
        "session token not found",
    ]) {
        Some(
            "Give AWS credentials: set AWS_PROFILE after `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    } else if says(&["AccessDenied", "not authorized"]) {
        Some("These credentials may not do that; use those of an operator.")
    } else if says(&["ResourceNotFound", "NonExistentQueue", "QueueDoesNotExist"]) {
        Some("Is it the right stack, region and account? See --stack and AWS_REGION.")
    } else if says(&["dispatch failure", "error sending request"]) {
        Some("Does the endpoint answer? See --endpoint-url and --local; `cargo run -p local` starts the local stack.")
    } else {
        None
    }
}
