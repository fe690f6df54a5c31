//! Who writes to whom in a seed: clients of two accounts, and a few phones.

use serde_json::json;
use shared::runtime::Random;

use super::one_of;
use crate::{
    scenario::{Account, Idempotency, Phone, RequestFormat, Scenario, Sender},
    scenario_run::ClientLog,
    stage::{ClientRequest, Stage},
};

/// How many phones of each kind there are. On RCS, those of the silent kind have their
/// own ways, and of the others each as on SMS.
const PLACES: usize = 3;
const RCS: [Option<&str>; PLACES] = [None, Some("rejects"), Some("silent")];
/// The most messages of one client, the first of which goes to one of those phones and
/// each other one to the next.
const MOST_MESSAGES: usize = 3;
const PHONES: usize = PLACES + MOST_MESSAGES - 1;

/// A client with its wish.
pub struct Client {
    pub scenario: Scenario,
    pub client_request: Option<ClientRequest>,
    pub log: ClientLog,
}

impl Client {
    /// What needs no long wait for the network: its receipt comes at once, or all that
    /// is said of it the seed says.
    pub fn new(chance: &Random) -> Self {
        let account = one_of(chance, &[Account::Demo, Account::Demo, Account::Other]);
        let format = one_of(
            chance,
            &[
                RequestFormat::Mplus,
                RequestFormat::Mplus,
                RequestFormat::Mplus,
                RequestFormat::CmJson,
                RequestFormat::CmXml,
            ],
        );
        let silent = Phone::NoReceipt;
        let phone = one_of(chance, &[silent, silent, silent, silent, Phone::Delivered, Phone::Busy, Phone::Rejected]);
        // The carriers are named by the seed's route.
        let scenario = Scenario::new("seeded", format, shared::domain::CarrierName::Loopback, phone);
        let is_mplus = format == RequestFormat::Mplus;
        let has_rate = account == Account::Demo && chance.index(3) == 0;
        let own = if has_rate { Sender::Rated } else { Sender::Owned };
        let by = one_of(chance, &[Idempotency::MessageId, Idempotency::Key, Idempotency::Key, Idempotency::None]);
        let scenario = Scenario {
            account,
            first: chance.index(PLACES),
            messages: if format == RequestFormat::CmXml { 1 } else { 1 + chance.index(MOST_MESSAGES) },
            idempotency: if is_mplus { by } else { Idempotency::Key },
            sender: if is_mplus { one_of(chance, &[own, Sender::Shared]) } else { Sender::Owned },
            scheduled: is_mplus && chance.index(5) == 0,
            ..scenario
        };
        let over_two = format != RequestFormat::CmXml && phone == silent && chance.index(3) == 0;
        let scenario = Scenario { rcs: over_two.then_some("as the phone has it"), ..scenario };
        Self { scenario, client_request: None, log: ClientLog::default() }
    }
}

/// What phones do on RCS.
pub async fn set_channel_behaviors(stage: &Stage) {
    for (place, behavior) in RCS.into_iter().enumerate() {
        if let Some(behavior) = behavior {
            stage.set_channels(&Phone::NoReceipt.number(place), &json!({"rcs": behavior})).await;
        }
    }
}

/// Whether the seed may say what became of whatever is taken for that phone: it gets
/// that, and the network says nothing of it by itself.
pub fn is_silent(number: &str) -> bool {
    let place = (0..PHONES).find(|place| Phone::NoReceipt.number(*place) == number);
    place.is_some_and(|place| RCS.get(place).is_none_or(|behavior| *behavior != Some("silent")))
}

/// How many receipts the network brings of one submit to it.
pub fn webhook_count(number: &str) -> usize {
    let kinds = [Phone::Delivered, Phone::Busy];
    kinds
        .into_iter()
        .filter(|kind| (0..PHONES).any(|place| kind.number(place) == number))
        .map(Phone::webhook_count)
        .sum()
}
