//! Single values: numbers, senders, addresses, cursors, IDs, keywords, times. An accepted value is parsed
//! alike from its canonical spelling. Errors have a bounded length and name no phone number.

use std::fmt::Display;

use shared::{
    carriers::carrier_id,
    domain::{
        AccountId, ApiKeyHash, ApiKeyId, AttemptOutcome, BatchId, CallbackUrl, Channel, Encoding, EventId, ExecutionId,
        Groupings, IdempotencyKey, Keyword, Keywords, MessageId, NumberPrefix, PhoneNumber, Rate, Reference, ReplyId,
        RouteName, SenderId, State, SubmitReference, UnmatchedKind, WebhookSecret, Word, parse_time,
    },
    store::Position,
};

use crate::{
    mutate::{self, Choices, TEXTS},
    words::{assert_bounded, assert_names_no_number},
};

/// Parses the bytes, and an almost valid text, as each kind of value.
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
    match text.parse::<PhoneNumber>() {
        Ok(number) => {
            let digits = number.digits();
            assert!(
                (7..=15).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && text.trim().ends_with(digits)
            );
            for prefix in ["", "+", "00"] {
                assert_eq!(format!("{prefix}{digits}").parse::<PhoneNumber>().as_ref(), Ok(&number));
            }
            assert!(!format!("{number:?}").contains(digits));
        }
        Err(error) => refused(&error),
    }
    match text.parse::<NumberPrefix>() {
        Ok(prefix) => assert!(prefix.to_string().parse::<NumberPrefix>().is_ok_and(|again| again == prefix)),
        Err(error) => refused(&error),
    }
    match text.parse::<CallbackUrl>() {
        Ok(url) => {
            assert!(url.as_str() == text && text.len() <= 2048 && !text.contains(char::is_control));
            let parsed = url::Url::parse(text).ok();
            assert!(parsed.is_some_and(|url| url.host_str().is_some() && url.username().is_empty()));
        }
        Err(error) => refused(&error),
    }
}

fn names(text: &str) {
    match text.parse::<SenderId>() {
        Ok(sender) => {
            assert!((1..=16).contains(&sender.as_str().len()));
            assert_eq!(sender.can_receive(), sender.as_str().bytes().all(|b| b.is_ascii_digit()));
            assert_eq!(sender.as_str().parse::<SenderId>(), Ok(sender));
        }
        Err(error) => refused(&error),
    }
    match text.parse::<AccountId>() {
        Ok(account) => assert!(account.as_str() == text && text.len() <= 40),
        Err(error) => refused(&error),
    }
    match text.parse::<Reference>() {
        Ok(reference) => {
            assert!(reference.as_str() == text && (1..=Reference::LONGEST).contains(&text.chars().count()));
        }
        Err(error) => refused(&error),
    }
    match Groupings::parse([text.to_owned(), String::new(), text.to_owned()]) {
        Ok(groupings) => assert!(groupings.is_empty() == text.is_empty() && text.chars().count() <= 100),
        Err(error) => refused(&error),
    }
    match text.parse::<RouteName>() {
        Ok(name) => assert!(name.as_str() == text && (1..=64).contains(&text.len())),
        Err(error) => refused(&error),
    }
    match text.parse::<Rate>() {
        Ok(rate) => assert!((1..=1000).contains(&rate.per_second())),
        Err(error) => refused(&error),
    }
    match text.parse::<WebhookSecret>() {
        Ok(secret) => assert!(secret.as_str() == text && (16..=64).contains(&secret.bytes().len())),
        Err(error) => refused(&error),
    }
    assert!(text.parse::<Channel>().ok().is_none_or(|channel| channel.into_str().eq_ignore_ascii_case(text)));
    assert!(text.parse::<State>().ok().is_none_or(|state| state.into_str() == text));
    assert!(text.parse::<Encoding>().ok().is_none_or(|encoding| encoding.into_str() == text));
    assert!(text.parse::<AttemptOutcome>().ok().is_none_or(|outcome| outcome.into_str() == text));
    assert!(text.parse::<UnmatchedKind>().ok().is_none_or(|kind| kind.into_str() == text));
    assert!(text.parse::<Keyword>().ok().is_none_or(|keyword| keyword.into_str() == text));
}

fn ids(text: &str) {
    assert!(text.parse::<MessageId>().ok().is_none_or(|id| id.to_string().parse::<MessageId>().ok() == Some(id)));
    assert!(text.parse::<BatchId>().ok().is_none_or(|id| id.to_string().parse::<BatchId>().ok() == Some(id)));
    assert!(text.parse::<ReplyId>().ok().is_none_or(|id| id.to_string().parse::<ReplyId>().ok() == Some(id)));
    assert!(text.parse::<EventId>().ok().is_none_or(|id| id.to_string().parse::<EventId>().ok() == Some(id)));
    assert!(text.parse::<ApiKeyHash>().ok().is_none_or(|hash| hash.as_str() == text && hash.id().as_str().len() == 8));
    assert!(text.parse::<ApiKeyId>().ok().is_none_or(|id| id.as_str() == text));
    if let Ok(reference) = text.parse::<SubmitReference>() {
        let written = reference.to_string();
        assert!(written.len() <= 32 && written.parse() == Ok(reference));
    }
    match ExecutionId::try_from(text.to_owned()) {
        Ok(execution_id) => assert_eq!(execution_id.to_string(), text.to_lowercase()),
        Err(error) => refused(&error),
    }
    if let Ok(key) = text.parse::<IdempotencyKey>() {
        assert!(text.len() <= 255 && text.is_ascii());
        if let Ok(account) = "demo".parse::<AccountId>() {
            let id = MessageId::of_idempotency_key(&account, &key, 0);
            assert_ne!(id, MessageId::of_idempotency_key(&account, &key, 1));
        }
    }
    // Clients return cursors, which we pass to a query of the store.
    if let Ok(position) = text.parse::<Position>() {
        assert!(position.as_str() == text && text.len() <= 52 && text.is_ascii() && position.time().is_some());
    }
    let spellings = carrier_id::spellings(text);
    assert_eq!(spellings.first().cloned(), carrier_id::canonical(text));
    assert!(spellings.len() <= 3);
    for spelling in &spellings {
        assert_eq!(carrier_id::canonical(spelling).as_ref(), Some(spelling));
        assert!(carrier_id::spellings(spelling).contains(&spellings[0]), "the canonical spelling is missing");
    }
}

fn words(text: &str) {
    match text.parse::<Word>() {
        Ok(word) => {
            assert!((1..=40).contains(&word.as_str().chars().count()));
            assert_eq!(word.as_str().parse::<Word>().as_ref(), Ok(&word));
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
