//! Runs a dialect's tables: requests and what we read of them, and the events that states become.

use std::fmt::Debug;

use strum::IntoEnumIterator;
use uuid::Uuid;

use super::malformed::{CANARIES, each_malformed_body};
use crate::domain::{
    Channel, Dialect, ExecutionId, Message, Originator, Receipt, ReceiptDetails, ReceiptStatus, RepliedTo, Reply,
    ReplyContent, ReplyId, State, Timestamp,
};

/// A request's body, and what we read of it.
pub(crate) type RequestRow<T> = (String, T);

/// Checks each row. `read` returns as much of the result as the rows compare.
pub(crate) fn check_requests<T: PartialEq + Debug>(rows: &[RequestRow<T>], read: impl Fn(&[u8]) -> T) {
    for (body, expected) in rows {
        assert_eq!(read(body.as_bytes()), *expected, "{body}");
    }
}

/// Checks that parsing damaged and arbitrary bodies never panics, and that no error repeats a value. `errors`
/// returns the words of the errors that may not.
pub(crate) fn check_malformed(samples: &[String], errors: impl Fn(&[u8]) -> Vec<String>) {
    for sample in samples {
        assert_eq!(errors(sample.as_bytes()), [""; 0], "the sample itself is wrong: {sample}");
    }
    let samples: Vec<_> = samples.iter().map(|sample| sample.clone().into_bytes()).collect();
    each_malformed_body(&samples, |body| {
        for words in errors(body) {
            assert!(CANARIES.iter().all(|canary| !words.contains(canary)), "{words}");
        }
    });
}

/// Checks the event of each row, and that no other state has an event.
pub(crate) fn check_events(
    message: &Message,
    rows: &[(State, &str)],
    event: impl Fn(&Message, State) -> Option<String>,
) {
    for state in State::iter() {
        let expected = rows.iter().find(|(row, _)| *row == state).map(|(_, body)| (*body).to_owned());
        assert_eq!(event(message, state), expected, "{state:?}");
    }
}

/// Returns a reply to `message` from its recipient, or one that answers nothing.
pub(crate) fn sample_reply(dialect: Dialect, to: &str, channel: Channel, message: Option<&Message>) -> Reply {
    Reply {
        id: ReplyId::new(Uuid::nil()),
        account: "demo".parse().unwrap(),
        from: Originator::Number("447700900001".parse().unwrap()),
        from_name: None,
        to: to.parse().unwrap(),
        content: ReplyContent::of_text("Yes \"please\""),
        channel,
        at: "2026-01-01T09:30:00.9999+02:00".parse().unwrap(),
        received_at: "2026-01-01T09:30:02+02:00".parse().unwrap(),
        replied_to: message.map(|message| Box::new(RepliedTo::from(message))),
        opts_in: false,
        dialect,
        execution_id: ExecutionId::new(1),
    }
}

/// Returns a receipt a minute after the example message.
pub(crate) fn sample_receipt(status: ReceiptStatus, description: Option<String>) -> Receipt {
    let at = Timestamp::from_second(60).unwrap();
    Receipt {
        status,
        at,
        code: Some("24".to_owned()),
        description,
        details: ReceiptDetails::default(),
        channel_index: 0,
        execution_id: ExecutionId::new(1),
    }
}
