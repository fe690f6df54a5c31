//! Accepting messages one by one, as CM.com's JSON gateway does: nothing is stored or locked for a rejected
//! message.

use shared::{
    domain::{
        AccountId, Dialect, Draft, FieldErrorCode, PhoneNumber, RejectionReason, SegmentLimit, SenderChoice, Text,
        Timestamp,
    },
    flow::accept::{Grouping, Request, accept_each},
    gateway::{Part, connect_directory, connect_gateway},
};
use strum::VariantArray;

use tests::{Phone, System, TestConfig};

use crate::{
    bad_input::items,
    system::{DEMO_ACCOUNT, OTHER, OTHER_SENDER, POOL_SENDER, shared},
};

const TAKEN: Phone = Phone::delivers();

fn draft(index: usize, to: &str, from: SenderChoice) -> Draft {
    let text = Text::parse("Hello", SegmentLimit::default()).unwrap();
    Draft { index, ..Draft::new(to.parse::<PhoneNumber>().unwrap(), from, text) }
}

#[tokio::test]
async fn rejected_message_stores_nothing_and_blocks_no_other() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    system.send_one(OTHER, shared(&TAKEN, "Theirs")).await;
    let environment = system.environment();
    let gateway = connect_gateway(&environment, Part::VARIANTS).unwrap();
    let directory = connect_directory(&environment).unwrap();

    let foreign = SenderChoice::Custom(OTHER_SENDER.parse().unwrap());
    let distant = Draft { send_at: Some(Timestamp::MAX), ..draft(2, &TAKEN.nth(2), SenderChoice::Shared) };
    let drafts = vec![
        draft(0, &TAKEN.nth(1), foreign),
        draft(1, &TAKEN, SenderChoice::Shared),
        distant,
        draft(4, &TAKEN.nth(3), SenderChoice::Shared),
    ];
    // The dialect has rejected message 3.
    let (idempotency_key, on_unknown) = (None, None);
    let (dialect, key, grouping) = (Dialect::Cm, None, Grouping::Single);
    let request =
        Request { dialect, key, drafts, posted: 5, idempotency_key, on_unknown, lane: None, dry_run: false, grouping };
    let account = DEMO_ACCOUNT.parse::<AccountId>().unwrap();
    let results = accept_each(&gateway, &directory, &account, &request).await.unwrap();
    let rejected: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    let reasons: Vec<_> =
        rejected.iter().map(|rejected| (rejected.reason, rejected.error.index, rejected.error.code)).collect();
    assert_eq!(
        reasons,
        [
            (RejectionReason::NotOwned, Some(0), FieldErrorCode::NotOwned),
            (RejectionReason::Unacceptable, Some(1), FieldErrorCode::PoolExhausted),
            (RejectionReason::Unacceptable, Some(2), FieldErrorCode::TooLong),
        ]
    );
    assert_eq!(results[3].as_ref().unwrap().request.from.id.as_str(), POOL_SENDER);
    system.until_handset(&TAKEN.nth(3), 1).await;
    // One message and one lock are the other account's.
    assert_eq!((items(&system, "MessagesTable").await, items(&system, "RecipientsTable").await), (2, 2));
}
