//! Checks that every connector must pass.

use std::{net::TcpListener, time::Duration};

use strum::IntoEnumIterator;

use super::{
    Tables, busy,
    malformed::{CANARIES, damaged, each_malformed_body},
    server::{Answer, ENDLESS, Server},
    unknown,
};
use crate::{
    domain::{
        CarrierSettings, Channel, ChannelCapability, LookupOutcome, Outcome, ParseError, ParsedItems,
        capability_samples,
    },
    redact::without_numbers,
    vendors::Connector,
};

/// Most damaged answers of a connector. Each is a request.
const MOST_ANSWERS: usize = 500;
const INVALID: &str = "could not build the request: the endpoint or a credential is invalid";
/// The most that a client may take of an endless answer: what we read, and the buffers of both sockets.
const MOST_TAKEN: usize = 16 << 20;

impl<C: Connector> Tables<C> {
    /// Checks that the vendor shows no content that the channel cannot.
    #[expect(clippy::unused_self, reason = "is called like the other checks")]
    pub(crate) fn check_capability(self) {
        for (name, content) in capability_samples::contents() {
            for channel in Channel::iter() {
                let (vendor, channels_own) = (C::capability(&content, channel), content.capability(channel));
                let is_less = vendor == channels_own || vendor != ChannelCapability::Full;
                assert!(is_less, "{name} on {channel:?}: {vendor:?}, but {channels_own:?}");
            }
        }
    }

    /// Checks that parsing never panics, that an error names a field, and that it quotes no value.
    pub(crate) fn check_malformed_webhooks(self) {
        let receipts = self.receipts.iter().map(|row| row.body.clone());
        let samples: Vec<_> = receipts.chain(self.replies.iter().map(|row| row.body.clone())).collect();
        each_malformed_body(&samples, |body| {
            check_errors(C::read_receipts(body));
            check_errors(C::read_replies(body, &self.settings));
        });
    }

    /// Checks damaged copies of the answers in the table: no panic, and no number in a reason.
    pub(crate) async fn check_malformed_answers(self) {
        let server = Server::start();
        let damaged = self.answers.iter().flat_map(|(answer, _)| match answer {
            Answer::Http { body, .. } => damaged(body).into_iter().map(|body| answer.with_body(body)).collect(),
            _ => Vec::new(),
        });
        let damaged: Vec<_> = damaged.collect();
        for answer in damaged.iter().step_by(damaged.len() / MOST_ANSWERS + 1) {
            let outcome = self.answered(&server, answer.clone()).await;
            if let Outcome::Rejected { reason }
            | Outcome::OptedOut { reason }
            | Outcome::Busy { reason, .. }
            | Outcome::Refused { reason }
            | Outcome::Unknown { reason } = outcome
            {
                assert_eq!(without_numbers(&reason), reason, "{answer:?}");
            }
        }
    }

    /// Checks answers after which the carrier may have the message: it is asked once, and the outcome is unknown.
    pub(crate) async fn check_unclear_answers(self) {
        let server = Server::start();
        let redirects =
            [301, 302, 303, 307, 308].map(|status| format!("{status}\nlocation: {}elsewhere", server.url).into());
        let errors = ["408", "500", "500\n\n{}", "502\n\n<html>", "504"].map(Answer::from);
        for answer in redirects.into_iter().chain(errors) {
            let outcome = self.answered(&server, answer.clone()).await;
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{answer:?}: {outcome:?}");
            assert_eq!(server.take_requests().len(), 1, "{answer:?}");
            self.check_unclear_lookup(&server, answer).await;
        }
        for (answer, reason) in [(Answer::Closes, "the connection broke"), (Answer::Late, "no answer in time")] {
            assert_eq!(self.answered(&server, answer.clone()).await, unknown(reason));
            assert_eq!(server.take_requests().len(), 1, "the message must not be sent again");
            self.check_unclear_lookup(&server, answer).await;
        }
        for answer in ["200\ncontent-length: 100\n\n{\"a\"", "202\ncontent-length: 100", "200\n\n\u{0}", "204"] {
            let outcome = self.answered(&server, answer.into()).await;
            let may_have = matches!(outcome, Outcome::Unknown { .. } | Outcome::Accepted { .. });
            assert!(may_have, "{answer}: {outcome:?}");
        }
    }

    async fn check_unclear_lookup(&self, server: &Server, answer: Answer) {
        if C::PROFILE.lookup {
            assert_eq!(self.looked_up(server, answer.clone()).await, LookupOutcome::Unknown, "{answer:?}");
            assert_eq!(server.take_requests().len(), 1, "{answer:?}");
        }
    }

    /// Checks that wrong settings or a dead carrier neither reject the message nor leave its outcome unknown: the
    /// carrier does not have it.
    pub(crate) async fn check_unsent(self) {
        let server = Server::start();
        let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let to = |endpoint: &str| CarrierSettings { endpoint: endpoint.parse().unwrap(), ..self.settings.clone() };
        let nobody = self.submitted(&to(&format!("http://{unused}"))).await;
        assert_eq!(nobody, busy(None, "no connection to the carrier"));
        for endpoint in ["ftp://127.0.0.1/", "mailto:a@b.example", "data:,x"] {
            let outcome = self.submitted(&to(endpoint)).await;
            assert_eq!(outcome, busy(None, INVALID), "{endpoint}");
        }
        // The carrier does not know us or the path, or a firewall does not let the message pass.
        for answer in ["401", "403", "403\n\n<html>", "404", "405\n\n<html>"] {
            let outcome = self.answered(&server, answer.into()).await;
            assert!(matches!(outcome, Outcome::Refused { .. }), "{answer}: {outcome:?}");
        }
        server.take_requests();
        let parts = self.credentials.parts().map(|part| (part, "a\r\nx-injected: b".to_owned())).collect();
        let broken = Self { credentials: parts, ..self };
        let outcome = broken.answered(&server, "401".into()).await;
        assert!(matches!(outcome, Outcome::Busy { .. } | Outcome::Refused { .. }), "{outcome:?}");
        let requests = server.take_requests();
        assert!(requests.iter().flat_map(|request| &request.headers).all(|header| !header.starts_with("x-injected")));
    }

    /// Checks that a busy carrier's `Retry-After` counts from the request, whether in seconds or as a date.
    pub(crate) async fn check_busy(self) {
        let server = Server::start();
        for (answer, wait) in [
            ("429", None),
            ("503", None),
            ("429\nretry-after: 7", Some(7)),
            ("503\nretry-after: 30\n\n{}", Some(30)),
            ("503\nretry-after: Thu, 01 Jan 1970 00:00:30 GMT", Some(30)),
            ("503\nretry-after: soon", None),
        ] {
            let outcome = self.answered(&server, answer.into()).await;
            let Outcome::Busy { retry_after, .. } = outcome else { panic!("{answer}: {outcome:?}") };
            assert_eq!(retry_after, wait.map(Duration::from_secs), "{answer}");
        }
    }

    /// Checks that we stop reading an answer without an end.
    pub(crate) async fn check_endless_answers(self) {
        const { assert!(MOST_TAKEN < ENDLESS) };
        let server = Server::start();
        for status in [200, 201, 202, 400, 422, 500] {
            let before = server.taken();
            let outcome = self.answered(&server, Answer::Endless(status)).await;
            let taken = server.taken() - before;
            assert!(taken < MOST_TAKEN, "{status}: {taken} bytes");
            match outcome {
                Outcome::Accepted { .. } => assert!(status < 300, "{status}"),
                Outcome::Rejected { .. }
                | Outcome::OptedOut { .. }
                | Outcome::Busy { .. }
                | Outcome::Refused { .. } => {
                    assert!((400..500).contains(&status), "{status}");
                }
                Outcome::Unknown { .. } => {}
            }
            if C::PROFILE.lookup {
                let before = server.taken();
                self.looked_up(&server, Answer::Endless(status)).await;
                assert!(server.taken() - before < MOST_TAKEN, "lookup, {status}");
            }
        }
    }
}

fn check_errors<T>(read: Result<ParsedItems<T>, ParseError>) {
    let errors = match read {
        Ok(items) => items.into_iter().filter_map(Result::err).collect(),
        Err(error) => vec![error],
    };
    for error in errors {
        let said = error.to_string();
        assert!(!error.field.is_empty(), "{said}");
        assert!(CANARIES.iter().all(|canary| !said.contains(canary)), "{said}");
    }
}
