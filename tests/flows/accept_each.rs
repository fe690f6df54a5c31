//! Where each message of a request is judged by itself, as at CM's JSON gateway,
//! nothing is written or locked for one that is rejected, whatever the reason.

use local::config::Config;
use shared::{
    domain::{
        AccountId, Dialect, Draft, FieldErrorCode, PhoneNumber, RejectionReason, SegmentLimit, SenderChoice, Text,
        Timestamp,
    },
    flow::accept::{Request, accept_each},
    gateway::{Part, connect_directory, connect_gateway},
};
use strum::VariantArray;

use crate::{
    bad_input::items,
    system::{OTHER, System, shared},
};

const TAKEN: &str = "447700900071";

fn draft(index: usize, to: &str, from: SenderChoice) -> Draft {
    let text = Text::parse("Hello", SegmentLimit::default()).unwrap();
    Draft { index, ..Draft::new(to.parse::<PhoneNumber>().unwrap(), from, text) }
}

#[tokio::test]
async fn rejected_message_stores_nothing_and_blocks_no_other() {
    let config =
        Config::DEFAULT.lines().map(|line| if line.starts_with("pool") { "pool = [\"448888888801\"]" } else { line });
    let system = System::with_config(&config.collect::<Vec<_>>().join("\n")).await;
    system.send_one(OTHER, shared(TAKEN, "Theirs")).await;
    let environment = system.environment();
    let gateway = connect_gateway(&environment, Part::VARIANTS).unwrap();
    let directory = connect_directory(&environment).unwrap();

    let foreign = SenderChoice::Custom("449999999999".parse().unwrap());
    let distant = Draft { send_at: Some(Timestamp::MAX), ..draft(2, "447700900073", SenderChoice::Shared) };
    let drafts = vec![
        draft(0, "447700900072", foreign),
        draft(1, TAKEN, SenderChoice::Shared),
        distant,
        draft(4, "447700900074", SenderChoice::Shared),
    ];
    // The fourth was rejected by the dialect.
    let (idempotency_key, on_unknown) = (None, None);
    let request = Request { dialect: Dialect::Cm, drafts, posted: 5, idempotency_key, on_unknown, dry_run: false };
    let account = "demo".parse::<AccountId>().unwrap();
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
    assert_eq!(results[3].as_ref().unwrap().request.from.id.as_str(), "448888888801");
    system.until_handset("447700900074", 1).await;
    // With that of the other account.
    assert_eq!((items(&system, "MessagesTable").await, items(&system, "RecipientsTable").await), (2, 2));
}
