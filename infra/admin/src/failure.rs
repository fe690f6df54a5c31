//! Failures of commands, with advice.

use std::error::Error;

use serde_json::{Value, json};
use shared::{flow::Unavailable, queue::QueueError, runtime::error_chain, store::StoreError};

use crate::output;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments are wrong, or contradict each other.
    #[error("{0}")]
    Usage(String),
    /// `--yes` is missing. `counts` is an object: how many records the command would change.
    #[error("{words}")]
    Unconfirmed { words: String, counts: Value },
    /// The command cannot be done as given. The text says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The command did only a part.
    #[error("{advice}")]
    Interrupted {
        advice: String,
        #[source]
        source: Unavailable,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A request to AWS or to the local stack.
    #[error("{action} failed")]
    Request {
        action: &'static str,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Failure {
    pub fn failed<E: Error + Send + Sync + 'static>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Request { action, source: Box::new(error) }
    }

    pub fn code(&self) -> u8 {
        if matches!(self, Self::Usage(_) | Self::Unconfirmed { .. }) { 2 } else { 1 }
    }

    pub fn shown(&self, json: bool) -> String {
        let mut words = self.words();
        if let Some(advice) = advice(&words) {
            words = format!("{words}\n{advice}");
        }
        if !json {
            return output::lines(&format!("error: {words}\n"));
        }
        let mut shown = if let Self::Unconfirmed { counts, .. } = self { counts.clone() } else { json!({}) };
        shown["error"] = words.lines().map(str::trim).collect::<Vec<_>>().join(" ").into();
        output::json(&shown) + "\n"
    }

    /// Returns the error with its causes. A cause has no lines of its own, because other systems wrote it.
    fn words(&self) -> String {
        let words = error_chain(self);
        if self.source().is_some() { output::escaped(&words) } else { words }
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

/// Returns what to do about the usual causes, recognized by the AWS SDK's texts.
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
            "Provide AWS credentials: set AWS_PROFILE after `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    } else if says(&["AccessDenied", "not authorized"]) {
        Some("These credentials lack the permission; use an operator's.")
    } else if says(&["ResourceNotFound", "NonExistentQueue", "QueueDoesNotExist"]) {
        Some("Check the stack, region and account: see --stack and AWS_REGION.")
    } else if says(&["dispatch failure", "error sending request"]) {
        Some(
            "Check that the endpoint answers: see --endpoint-url and --local. `cargo run -p local` starts the local stack.",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_error_is_one_line() {
        let failure = Failure::Refused("there is no account acme;\n`admin account create acme`\nmakes one".to_owned());
        assert_eq!(failure.shown(false), "error: there is no account acme;\n`admin account create acme`\nmakes one\n");
        let shown: Value = serde_json::from_str(&failure.shown(true)).unwrap();
        assert_eq!(shown["error"], "there is no account acme; `admin account create acme` makes one");
    }

    #[test]
    fn words_of_other_systems_are_escaped() {
        let source = std::io::Error::other("\u{1b}[31mdispatch failure\r\nerror: \u{202e}\u{9b}");
        let failure = Failure::failed("reading")(source);
        let shown = failure.shown(false);
        let first = r"error: reading failed: \u{1b}[31mdispatch failure\r\nerror: \u{202e}\u{9b}";
        assert_eq!(shown.lines().next(), Some(first));
        assert_eq!(shown.lines().count(), 2, "the advice stays on a line of its own: {shown}");
        let refused = Failure::Refused("a\u{1b}b\nc\u{9b}".to_owned());
        assert_eq!(refused.shown(false), "error: a\\u{1b}b\nc\\u{9b}\n");
        assert_eq!(refused.shown(true), "{\"error\":\"a\\u001bb c\\u009b\"}\n");
    }
}
