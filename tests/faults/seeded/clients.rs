//! The clients of a seeded run, from two accounts, and the few phones they write to.

use serde_json::json;
use shared::{
    domain::{Dialect, Lane},
    runtime::Random,
};
use tests::clients::{Ability, ClientRequest, formats, main_format};

use super::one_of;
use crate::{
    scenario::{Account, Idempotency, Phone, Scenario, Sender},
    scenario_run::ClientLog,
    stage::Stage,
};

/// A request's first message goes to one of this many phones of each behavior.
const PHONES_PER_KIND: usize = 3;
/// Behavior on RCS of the first phones without receipts. Where it is `None`, a phone behaves as on SMS, as do
/// all other phones.
const RCS: [Option<&str>; PHONES_PER_KIND] = [None, Some("rejects"), Some("silent")];
/// Maximum number of messages in a request. Those after the first go to the following phones.
const MAX_MESSAGES: usize = 3;
const PHONE_COUNT: usize = PHONES_PER_KIND + MAX_MESSAGES - 1;

pub struct Client {
    pub scenario: Scenario,
    pub request: Option<ClientRequest>,
    pub log: ClientLog,
}

impl Client {
    /// Creates a random client. Its phones need no long wait for the network: the receipt comes at once, or
    /// the seed supplies it.
    pub fn new(random: &Random) -> Self {
        let account = one_of(random, &[Account::Demo, Account::Demo, Account::Other]);
        // Half of the clients use the format that can say most.
        let formats: Vec<_> = formats().collect();
        let format = if random.index(2) == 0 { main_format(Dialect::Mplus) } else { one_of(random, &formats) };
        let silent = Phone::NoReceipt;
        let phone = one_of(random, &[silent, silent, silent, silent, Phone::Delivered, Phone::Busy, Phone::Rejected]);
        // The carrier is not used: the stage has the seed's route.
        let scenario = Scenario::new("seeded", format, "loopback", phone);
        let is_rate_limited = account == Account::Demo && random.index(3) == 0;
        let own = if is_rate_limited { Sender::Rated } else { Sender::Owned };
        let idempotency =
            one_of(random, &[Idempotency::MessageId, Idempotency::Key, Idempotency::Key, Idempotency::None]);
        let scenario = Scenario {
            account,
            first: random.index(PHONES_PER_KIND),
            messages: 1 + random.index(MAX_MESSAGES.min(format.most_messages)),
            idempotency: if format.has(Ability::MessageId) { idempotency } else { Idempotency::Key },
            sender: if format.has(Ability::SharedSender) {
                one_of(random, &[own, Sender::Shared])
            } else {
                Sender::Owned
            },
            scheduled: format.has(Ability::SendAt) && random.index(5) == 0,
            ..scenario
        };
        let has_two_channels = format.has(Ability::Channels) && phone == silent && random.index(3) == 0;
        let scenario = Scenario { rcs: has_two_channels.then_some("as the phone has it"), ..scenario };
        let lane = one_of(random, &[None, Some(Lane::Urgent), Some(Lane::Normal), Some(Lane::Bulk)]);
        let scenario = Scenario { lane, ..scenario };
        Self { scenario, request: None, log: ClientLog::default() }
    }
}

pub async fn set_channel_behaviors(stage: &Stage) {
    for (index, behavior) in RCS.into_iter().enumerate() {
        if let Some(behavior) = behavior {
            stage.set_channels(&Phone::NoReceipt.number(index), &json!({"rcs": behavior})).await;
        }
    }
}

/// Returns whether the seed supplies the receipts for a phone: the phone gets every accepted message, and the
/// network sends no receipts.
pub fn is_silent(number: &str) -> bool {
    let index = (0..PHONE_COUNT).find(|index| Phone::NoReceipt.number(*index) == number);
    index.is_some_and(|index| RCS.get(index).is_none_or(|behavior| *behavior != Some("silent")))
}

/// Returns how many receipts the network sends for a submit to this phone.
pub fn webhook_count(number: &str) -> usize {
    let kinds = [Phone::Delivered, Phone::Busy];
    kinds
        .into_iter()
        .filter(|kind| (0..PHONE_COUNT).any(|index| kind.number(index) == number))
        .map(Phone::webhook_count)
        .sum()
}
