//! Texts that stand for one thing: numbers, senders, addresses, cursors, ids,
//! keywords, times. What is taken is read alike in the spelling that it is given
//! back in, and what is refused is not repeated.

use std::fmt::Display;

use shared::{
    carriers::carrier_id,
    domain::{
        AccountId, ApiKeyHash, AttemptOutcome, BatchId, CallbackUrl, Channel, Encoding, EventId, ExecutionId,
        Groupings, IdempotencyKey, Keyword, Keywords, MessageId, NumberPrefix, PhoneNumber, Rate, Reference, ReplyId,
        SenderId, State, SubmitReference, UnmatchedKind, WebhookSecret, Word, parse_time,
    },
    store::Position,
};

use crate::{
    mutate::{self, Choices, TEXTS},
    words::{assert_bounded, assert_names_no_number},
};

/// Every value, of these bytes as a text and of one that is almost right.
pub fn values(bytes: &[u8]) {
    reads(&String::from_utf8_lossy(bytes));
    let mut choices = Choices::of(bytes);
    let sample = *choices.pick(&TEXTS);
    reads(&mutate::pieces(sample, |_| true, &TEXTS, &mut choices));
}

fn reads(text: &str) {
    addresses(text);
    names(text);
    ids(text);
    words(text);
    times(text);
}

fn refused(error: &impl Display) {
    assert_bounded(&error.to_string());
    assert_names_no_number(&error.to_string());
}

fn addresses(text: &str) {
    match PhoneNumber::parse(text) {
        Ok(number) => {
            let digits = number.digits();
            assert!(
                (7..=15).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && text.ends_with(digits)
            );
            for prefix in ["", "+", "00"] {
                assert_eq!(PhoneNumber::parse(&format!("{prefix}{digits}")).as_ref(), Ok(&number));
            }
            assert!(!format!("{number:?}").contains(digits));
        }
        Err(error) => refused(&error),
    }
    match NumberPrefix::parse(text) {
        Ok(prefix) => assert!(NumberPrefix::parse(&prefix.to_string()).is_ok_and(|again| again == prefix)),
        Err(error) => refused(&error),
    }
    match CallbackUrl::parse(text) {
        Ok(url) => {
            assert!(url.as_str() == text && text.len() <= 2048 && !text.contains(char::is_control));
            let parsed = url::Url::parse(text).ok();
            assert!(parsed.is_some_and(|url| url.host_str().is_some() && url.username().is_empty()));
        }
        Err(error) => refused(&error),
    }
}

fn names(text: &str) {
    match SenderId::parse(text) {
        Ok(sender) => {
            assert!((1..=16).contains(&sender.as_str().len()));
            assert_eq!(sender.can_receive(), sender.as_str().bytes().all(|b| b.is_ascii_digit()));
            assert_eq!(SenderId::parse(sender.as_str()), Ok(sender));
        }
        Err(error) => refused(&error),
    }
    match AccountId::parse(text) {
        Ok(account) => assert!(account.as_str() == text && text.len() <= 40),
        Err(error) => refused(&error),
    }
    match Reference::parse(text) {
        Ok(reference) => assert!(reference.as_str() == text && (1..=32).contains(&text.chars().count())),
        Err(error) => refused(&error),
    }
    match Groupings::parse([text.to_owned(), String::new(), text.to_owned()]) {
        Ok(groupings) => assert!(groupings.is_empty() == text.is_empty() && text.chars().count() <= 100),
        Err(error) => refused(&error),
    }
    match Rate::parse(text) {
        Ok(rate) => assert!((1..=1000).contains(&rate.per_second())),
        Err(error) => refused(&error),
    }
    match WebhookSecret::parse(text) {
        Ok(secret) => assert!(secret.as_str() == text && (16..=64).contains(&secret.bytes().len())),
        Err(error) => refused(&error),
    }
    assert!(Channel::parse(text).is_none_or(|channel| channel.as_str().eq_ignore_ascii_case(text)));
    assert!(State::parse(text).is_none_or(|state| state.as_str() == text));
    assert!(Encoding::parse(text).is_none_or(|encoding| encoding.as_str() == text));
    assert!(AttemptOutcome::parse(text).is_none_or(|outcome| outcome.as_str() == text));
    assert!(UnmatchedKind::parse(text).is_none_or(|kind| kind.as_str() == text));
    assert!(Keyword::parse(text).is_none_or(|keyword| keyword.as_str() == text));
}

fn ids(text: &str) {
    assert!(MessageId::parse(text).is_none_or(|id| MessageId::parse(&id.to_string()) == Some(id)));
    assert!(BatchId::parse(text).is_none_or(|id| BatchId::parse(&id.to_string()) == Some(id)));
    assert!(ReplyId::parse(text).is_none_or(|id| ReplyId::parse(&id.to_string()) == Some(id)));
    assert!(EventId::parse(text).is_none_or(|id| EventId::parse(&id.to_string()) == Some(id)));
    assert!(ApiKeyHash::parse(text).is_none_or(|hash| hash.as_str() == text && hash.id().len() == 8));
    if let Some(reference) = SubmitReference::parse(text) {
        let written = reference.to_string();
        assert!(written.len() <= 32 && SubmitReference::parse(&written) == Some(reference));
    }
    match ExecutionId::try_from(text.to_owned()) {
        Ok(execution_id) => assert_eq!(execution_id.to_string(), text.to_lowercase()),
        Err(error) => refused(&error),
    }
    if let Some(key) = IdempotencyKey::parse(text) {
        assert!(text.len() <= 255 && text.is_ascii());
        if let Ok(account) = AccountId::parse("demo") {
            let id = MessageId::of_idempotency_key(&account, &key, 0);
            assert_ne!(id, MessageId::of_idempotency_key(&account, &key, 1));
        }
    }
    // A client gives a cursor back, and it goes into a query of the store.
    if let Some(position) = Position::parse(text) {
        assert!(position.as_str() == text && text.len() <= 52 && text.is_ascii() && position.time().is_some());
    }
    let spellings = carrier_id::spellings(text);
    assert_eq!(spellings.first().cloned(), carrier_id::canonical(text));
    assert!(spellings.len() <= 3);
    for spelling in &spellings {
        assert_eq!(carrier_id::canonical(spelling).as_ref(), Some(spelling));
        assert!(carrier_id::spellings(spelling).contains(&spellings[0]), "it does not lead back");
    }
}

fn words(text: &str) {
    match Word::parse(text) {
        Ok(word) => {
            assert!((1..=40).contains(&word.as_str().chars().count()));
            assert_eq!(Word::parse(word.as_str()).as_ref(), Ok(&word));
            let added: Keywords = [(word.clone(), Keyword::Help)].into_iter().collect();
            assert_eq!(added.meaning_of(text), Some(word.built_in().unwrap_or(Keyword::Help)));
            assert_eq!(Keywords::default().meaning_of(text), word.built_in());
        }
        Err(error) => {
            refused(&error);
            assert_eq!(Keywords::default().meaning_of(text), None);
        }
    }
}

fn times(text: &str) {
    match parse_time(text) {
        Ok(time) => {
            assert_eq!(time.subsec_nanosecond() % 1_000_000, 0);
            assert_eq!(parse_time(&time.to_string()), Ok(time));
        }
        Err(error) => refused(&error),
    }
}
