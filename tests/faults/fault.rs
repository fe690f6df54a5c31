//! The faults, and error answers as from AWS, a carrier or a client.

use reqwest::StatusCode;
use serde_json::json;

use crate::{partial_batch, proxy::Call};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Aws(&'static str),
    Carrier,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The function dies before the call is applied.
    DieBefore,
    /// The call is applied, but the function dies before the answer arrives.
    DieAfter,
    /// The function succeeds, but its result is lost, so the queue, carrier or client retries.
    Forget,
    /// The call is applied, then the connection breaks.
    LoseAnswer,
    /// The connection breaks, and the call is not applied.
    Break,
    /// The connection breaks, but the call is applied after the next call, or when an invocation ends.
    Late,
    /// Like `Late`, but the call is applied when another invocation ends.
    Straggle,
    /// The call is applied, but the answer does not come before the caller's timeout.
    TimeOut,
    /// Half a batch is processed; the other half is returned as unprocessed.
    PartialBatch,
    Throttle,
    ServerError,
    /// AWS answers with an error that the SDK does not retry. The call is not applied.
    Refuse,
    /// The call is applied, but answered with the error of `Refuse`.
    RefuseAfter,
    Delay,
}

impl Fault {
    pub const ALL: [Self; 14] = [
        Self::DieBefore,
        Self::DieAfter,
        Self::Forget,
        Self::LoseAnswer,
        Self::Break,
        Self::Late,
        Self::Straggle,
        Self::PartialBatch,
        Self::TimeOut,
        Self::Throttle,
        Self::ServerError,
        Self::Refuse,
        Self::RefuseAfter,
        Self::Delay,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::DieBefore => "die before",
            Self::DieAfter => "die after",
            Self::Forget => "forget",
            Self::LoseAnswer => "lose the answer",
            Self::Break => "break",
            Self::Late => "late",
            Self::Straggle => "straggle",
            Self::PartialBatch => "partial batch",
            Self::TimeOut => "time out",
            Self::Throttle => "throttle",
            Self::ServerError => "5xx",
            Self::Refuse => "refuse",
            Self::RefuseAfter => "refuse after",
            Self::Delay => "delay",
        }
    }

    /// Returns whether the fault can hit this call. `is_last`: it is the last call of its invocation.
    pub fn applies_to(self, Call { peer, name, .. }: &Call, is_last: bool) -> bool {
        let peer = *peer;
        match self {
            Self::Forget => is_last,
            Self::PartialBatch => partial_batch::is_batch(name),
            // Calls to AWS and clients time out only after seconds. `LoseAnswer` has the same effect.
            Self::TimeOut => peer == Peer::Carrier,
            // They stand for an error that outlasts the SDK's retries, which only calls to AWS have.
            Self::Refuse | Self::RefuseAfter => matches!(peer, Peer::Aws(_)),
            _ => true,
        }
    }

    pub fn answer(self, peer: Peer) -> Option<Answer> {
        let aws = |status: u16, code: &str| {
            let body = json!({"__type": code, "message": "An injected fault."}).to_string();
            Answer {
                status,
                headers: vec![("content-type".into(), "application/x-amz-json-1.0".into())],
                body: body.into(),
            }
        };
        let plain = |status: u16| Answer { status, headers: Vec::new(), body: Vec::new() };
        match (self, peer) {
            (Self::Throttle, Peer::Aws("DynamoDB")) => {
                Some(aws(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"))
            }
            (Self::Throttle, Peer::Aws("SQS")) => Some(aws(400, "com.amazonaws.sqs#RequestThrottled")),
            (Self::Throttle, Peer::Aws(_)) => Some(aws(400, "ThrottlingException")),
            (Self::Throttle, Peer::Carrier | Peer::Client) => {
                Some(Answer { headers: vec![("retry-after".into(), "1".into())], ..plain(429) })
            }
            (Self::ServerError, Peer::Aws(_)) => Some(aws(500, "InternalServerError")),
            (Self::ServerError, Peer::Carrier | Peer::Client) => Some(plain(500)),
            (Self::Refuse | Self::RefuseAfter, _) => Some(aws(400, "AccessDeniedException")),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn ok() -> Self {
        Self { status: StatusCode::OK.as_u16(), headers: Vec::new(), body: b"{}".to_vec() }
    }

    /// Drops DynamoDB's checksum, which an edited body no longer matches.
    pub fn without_checksum(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "x-amz-crc32");
        self
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
