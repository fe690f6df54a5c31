//! Requests of Mobile Text Alerts' clients.

use serde_json::Value;
use shared::{
    domain::{SenderChoice, Timestamp},
    vendors::mta::dialect::{error::Failure, request},
};
use uuid::Uuid;

use super::{Limits, assert_fault, assert_valid, limit};
use crate::render;

/// Checks `POST /v3/send`.
pub fn mta_send(body: &[u8]) {
    for country in [None, "1".parse().ok()] {
        let read = |body: &[u8]| request::read(body, limit(), country);
        let first = read(body);
        assert!(first == read(body), "the same request was read differently");
        match first {
            Ok(request) => {
                let drafts = request.drafts(&SenderChoice::Shared);
                assert!((1..=request::MOST_RECIPIENTS).contains(&drafts.len()));
                let mut numbers: Vec<_> = drafts.iter().map(|draft| draft.to.digits()).collect();
                numbers.sort_unstable();
                assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "a number is there twice");
                for (index, draft) in drafts.iter().enumerate() {
                    assert_eq!(draft.index, index);
                    assert_valid(draft, &Limits { segments: 10, reference: 100 });
                    assert_eq!(draft.content.is_some(), !draft.channels.is_empty());
                }
                let again = render::mta(&drafts).and_then(|again| read(again.to_string().as_bytes()).ok());
                assert!(again.is_some_and(|again| again.drafts(&SenderChoice::Shared) == drafts), "read differently");
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                errors.iter().for_each(assert_fault);
                let answer = Failure::invalid(errors).write(Timestamp::UNIX_EPOCH, Uuid::nil());
                let answer = serde_json::from_str::<Value>(&answer).unwrap_or_default();
                assert!(answer["httpCode"] == 400 && answer["message"].is_string(), "{answer}");
            }
        }
    }
}
