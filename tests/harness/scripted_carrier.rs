//! Scripted carriers, in place of the simulated loopback carrier.

use std::{collections::VecDeque, time::Duration};

use reqwest::{Method, Url};
use serde_json::json;

use crate::{
    request::Request,
    server::{Response, TestServer, next},
};

/// An answer to a submit.
#[derive(Clone, Debug)]
pub enum SubmitAnswer {
    /// Accepts the message. The text is the carrier's ID for it.
    Accepts(&'static str),
    Rejects {
        code: &'static str,
        message: &'static str,
    },
    Busy,
    /// Closes the connection without an answer, so the outcome is unknown.
    NoAnswer,
    /// Answers after a delay.
    Late(Duration, Box<Self>),
    /// Answers with bytes that are not HTTP.
    Malformed(&'static [u8]),
}

/// An answer to a lookup.
#[derive(Clone, Copy, Debug)]
pub enum LookupAnswer {
    /// The carrier has accepted the message. The text is the carrier's ID for it.
    Knows(&'static str),
    /// The carrier never received the message.
    Denies,
    /// A 404 without the carrier's error code.
    Inconclusive,
    NoAnswer,
}

/// A loopback carrier that answers as scripted. Give its [`url`](Self::url) to
/// [`TestConfig::carrier_endpoint`](crate::TestConfig::carrier_endpoint).
pub struct ScriptedCarrier {
    server: TestServer,
}

impl ScriptedCarrier {
    /// Starts a carrier that gives these answers to submits in order, and repeats the last. Lookups get no
    /// answer.
    pub async fn start(submits: impl IntoIterator<Item = SubmitAnswer>) -> Self {
        Self::with_lookups(submits, LookupAnswer::NoAnswer).await
    }

    /// Starts a carrier that also gives every lookup the same answer.
    pub async fn with_lookups(submits: impl IntoIterator<Item = SubmitAnswer>, lookup: LookupAnswer) -> Self {
        let mut submits: VecDeque<_> = submits.into_iter().collect();
        let server = TestServer::with(move |request| match request.method {
            Method::GET => lookup.response(),
            _ => next(&mut submits).response(),
        })
        .await;
        Self { server }
    }

    pub fn url(&self) -> &Url {
        self.server.url()
    }

    /// Returns the submits and lookups so far.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// Returns `POST` for each submit and `GET` for each lookup, in order.
    pub fn methods(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.method.to_string()).collect()
    }
}

impl SubmitAnswer {
    fn response(self) -> Response {
        match self {
            Self::Accepts(id) => Response::json(202, &json!({"id": id})),
            Self::Rejects { code, message } => Response::json(422, &json!({"code": code, "message": message})),
            Self::Busy => Response::status(503),
            Self::NoAnswer => Response::Disconnect,
            Self::Late(delay, answer) => Response::After(delay, Box::new(answer.response())),
            Self::Malformed(bytes) => Response::Bytes(bytes.to_vec()),
        }
    }
}

impl LookupAnswer {
    fn response(self) -> Response {
        match self {
            Self::Knows(id) => Response::json(200, &json!({"id": id})),
            Self::Denies => Response::json(404, &json!({"code": "unknown-message", "message": "No such message."})),
            Self::Inconclusive => Response::json(404, &json!({})),
            Self::NoAnswer => Response::Disconnect,
        }
    }
}
