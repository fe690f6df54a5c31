//! Dialects: hands each call to the request format of the dialect's vendor.
//!
//! [`DialectFormat`] is the contract. A message remembers its dialect, so its callbacks are in the format of
//! its request. `send` has a module for each dialect, which parses and answers requests.

use http::StatusCode;
use strum::IntoEnumIterator;

use crate::{
    domain::{CallbackTarget, CallbackUrl, Dialect, Message, Reply, State},
    vendors::{DialectFormat, cm, cymba, messangi, mta},
};

/// Evaluates `$call` with `$format` as the dialect's [`DialectFormat`]: a line for each dialect.
macro_rules! with_format {
    ($dialect:expr, $format:ident => $call:expr) => {
        match $dialect {
            Dialect::Mplus => with_format!(@ cymba::dialect::Mplus, $format, $call),
            Dialect::Cm => with_format!(@ cm::dialect::Cm, $format, $call),
            Dialect::Messangi => with_format!(@ messangi::dialect::Messangi, $format, $call),
            Dialect::Mta => with_format!(@ mta::dialect::Mta, $format, $call),
        }
    };
    (@ $of:ty, $format:ident, $call:expr) => {{
        type $format = $of;
        $call
    }};
}

impl Dialect {
    /// Returns the dialect that a path of `send` belongs to.
    #[must_use]
    pub fn of_path(segments: &[&str]) -> Option<Self> {
        Self::iter().find(|dialect| dialect.paths().iter().any(|path| is_path(path, segments)))
    }

    /// Returns the paths that `send` serves in this dialect, as in template.yaml.
    #[must_use]
    pub fn paths(self) -> &'static [&'static str] {
        with_format!(self, Of => Of::PATHS)
    }

    /// Returns where callbacks go.
    #[must_use]
    pub fn callback_target(self) -> CallbackTarget {
        with_format!(self, Of => Of::CALLBACK_TARGET)
    }

    /// Returns whether clients get a callback for `state`.
    #[must_use]
    pub fn notifies(self, state: State) -> bool {
        with_format!(self, Of => Of::notifies(state))
    }

    /// Returns the callback body for `state`, or `None` if we do not [notify](Self::notifies) it. The message
    /// itself may have moved on. `url` is where it goes.
    #[must_use]
    pub fn state_event(self, message: &Message, state: State, url: &CallbackUrl) -> Option<String> {
        with_format!(self, Of => Of::state_event(message, state, url))
    }

    /// Returns the callback body for a reply.
    #[must_use]
    pub fn reply_event(self, reply: &Reply) -> String {
        with_format!(self, Of => Of::reply_event(reply))
    }

    /// Returns the callback body for an accepted submit, if clients register webhooks for this event.
    #[must_use]
    pub fn sent_event(self, message: &Message) -> Option<String> {
        with_format!(self, Of => Of::sent_event(message))
    }

    /// Returns the callback body for a START, if clients register webhooks for this event.
    #[must_use]
    pub fn opt_in_event(self, reply: &Reply) -> Option<String> {
        with_format!(self, Of => Of::opt_in_event(reply))
    }

    /// Returns the function that decides by the status whether a client has taken a callback.
    #[must_use]
    pub fn success_rule(self) -> fn(StatusCode) -> bool {
        with_format!(self, Of => Of::is_success)
    }

    /// Returns the dialect's signature headers, besides those for Standard Webhooks.
    #[must_use]
    pub fn signature_headers(self, secret: &[u8], timestamp: i64, body: &str) -> Vec<(&'static str, String)> {
        with_format!(self, Of => Of::signature_headers(secret, timestamp, body))
    }
}

fn is_path(path: &str, segments: &[&str]) -> bool {
    let matches = |(part, segment): (&str, &&str)| part.starts_with('{') || part == *segment;
    let parts: Vec<_> = path.split('/').skip(1).collect();
    parts.len() == segments.len() && parts.into_iter().zip(segments).all(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_notified_states_have_a_state_event() {
        for (dialect, state) in Dialect::iter().flat_map(|dialect| State::iter().map(move |state| (dialect, state))) {
            let url = "https://client.example/status".parse().unwrap();
            let event = dialect.state_event(&Message::example(), state, &url);
            assert_eq!(event.is_some(), dialect.notifies(state), "{dialect:?} {state:?}");
        }
    }

    #[test]
    fn path_belongs_to_one_dialect() {
        for (path, dialect) in [
            (&["message"][..], Some(Dialect::Mplus)),
            (&["v1.0", "message"], Some(Dialect::Cm)),
            (&["gateway.ashx"], Some(Dialect::Cm)),
            (&["raven", "v2", "messages"], Some(Dialect::Messangi)),
            (&["raven", "v2", "messages", "7"], Some(Dialect::Messangi)),
            (&["raven", "v3", "messages", "batch"], Some(Dialect::Messangi)),
            (&["v3", "send"], Some(Dialect::Mta)),
            (&["message", "1"], None),
            (&["Message"], None),
            (&[], None),
        ] {
            assert_eq!(Dialect::of_path(path), dialect, "{path:?}");
        }
        assert!(is_path("/batch/{id}", &["batch", "7"]) && !is_path("/batch/{id}", &["batch"]));
        let all: Vec<_> = Dialect::iter().flat_map(Dialect::paths).collect();
        assert!(all.iter().all(|path| all.iter().filter(|other| other == &path).count() == 1), "{all:?}");
    }
}
