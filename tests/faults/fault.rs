//! What can go wrong with one call of a function, and the answers that say so in
//! the words of whoever was called.

use reqwest::StatusCode;
use serde_json::json;

use crate::{partial_batch, proxy::Call};

/// Whom a function calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Aws(&'static str),
    Carrier,
    Client,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The function dies before it is applied.
    DieBefore,
    /// It is applied, and the function dies before it sees the answer.
    DieAfter,
    /// All goes well to the function's end, and whoever called the function does not
    /// learn of it: the queue, the carrier or the client comes again.
    Forget,
    /// It is applied, and the connection breaks.
    LoseAnswer,
    /// The connection breaks before it is applied.
    Break,
    /// The connection breaks, and it is applied all the same, after the next call.
    Late,
    /// Likewise, and only after another function has run.
    Straggle,
    /// It is applied, and no answer comes in the caller's patience.
    TimeOut,
    /// Half of a batch is done, and the other half left to be asked for again.
    PartialBatch,
    /// It is refused for being one too many.
    Throttle,
    /// It is not applied: 500.
    ServerError,
    /// However often it is tried, it is not applied.
    Refuse,
    /// It is applied, and however often it is tried, the caller learns nothing of it.
    RefuseAfter,
    /// The answer is slow.
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
            Self::PartialBatch => "in part",
            Self::TimeOut => "time out",
            Self::Throttle => "throttle",
            Self::ServerError => "5xx",
            Self::Refuse => "refuse",
            Self::RefuseAfter => "refuse after",
            Self::Delay => "delay",
        }
    }

    /// Whether it can happen to that call. `is_last` says whether it is the last one of
    /// a function's run.
    pub fn applies_to(self, Call { peer, name, .. }: &Call, is_last: bool) -> bool {
        let peer = *peer;
        match self {
            Self::Forget => is_last,
            Self::PartialBatch => partial_batch::is_batch(name),
            // The SDK and callbacks wait for seconds; that the connection breaks tells them the same.
            Self::TimeOut => peer == Peer::Carrier,
            // A call that the SDK does not try again comes to the same as one that fails each time.
            Self::Refuse | Self::RefuseAfter => matches!(peer, Peer::Aws(_)),
            _ => true,
        }
    }

    /// The answer by which a fault shows that has one.
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

/// An HTTP answer.
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

    /// For a body that was changed on its way.
    pub fn without_checksum(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "x-amz-crc32");
        self
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
