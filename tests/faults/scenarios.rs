//! The scenarios of the sweep.

use shared::domain::{CarrierName, Dialect, OnUnknown, State};
use strum::IntoEnumIterator;

use crate::scenario::{FollowUp, Idempotency, Phone, RequestFormat, Scenario, Sender};

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    let loopback = CarrierName::Loopback;
    // A message, its receipt and a reply, in each dialect through each carrier.
    for dialect in Dialect::iter() {
        for carrier in CarrierName::iter() {
            let name = format!("round trip, {dialect:?} in, {carrier} out");
            let there = Scenario::new(&name, RequestFormat::main(dialect), carrier, Phone::Delivered);
            all.push(Scenario { follow_up: FollowUp::Reply, ..there });
        }
    }
    all.extend(accepts());
    for carrier in CarrierName::iter() {
        all.extend(submits(carrier));
    }
    let busy = Scenario::new("two carriers, both busy", RequestFormat::Mplus, loopback, Phone::Busy);
    all.push(Scenario { carriers: CarrierName::iter().collect(), ..busy });
    let refused = Scenario::new("two carriers, both reject", RequestFormat::Mplus, loopback, Phone::Rejected);
    all.push(Scenario { carriers: CarrierName::iter().collect(), ..refused });
    all.extend(no_answer());
    let cancel = Scenario::new("cancel", RequestFormat::Mplus, loopback, Phone::Delivered);
    let cancel = Scenario { scheduled: true, follow_up: FollowUp::Cancel, expected_state: State::Cancelled, ..cancel };
    all.push(cancel.clone());
    let name = "cancel two, not idempotent".to_owned();
    all.push(Scenario { name, messages: 2, idempotency: Idempotency::None, ..cancel });
    all
}

fn accepts() -> Vec<Scenario> {
    let of = |name: &str, format: RequestFormat| Scenario::new(name, format, CarrierName::Loopback, Phone::Delivered);
    let hundred = |by: &str| Scenario {
        messages: 100,
        only_function: Some("send"),
        phone: Phone::NoReceipt,
        expected_state: State::Submitted,
        ..of(&format!("accept a hundred, {by}"), RequestFormat::Mplus)
    };
    vec![
        Scenario {
            idempotency: Idempotency::None,
            only_function: Some("send"),
            ..of("accept one, not idempotent", RequestFormat::Mplus)
        },
        Scenario {
            messages: 3,
            idempotency: Idempotency::None,
            ..of("accept three, not idempotent", RequestFormat::Mplus)
        },
        Scenario {
            messages: 3,
            idempotency: Idempotency::Key,
            only_function: Some("send"),
            ..of("accept three, by key", RequestFormat::Mplus)
        },
        Scenario { idempotency: Idempotency::MessageId, ..hundred("by id") },
        Scenario { idempotency: Idempotency::Key, ..hundred("by key") },
        Scenario { idempotency: Idempotency::None, ..hundred("not idempotent") },
        Scenario { scheduled: true, ..of("accept scheduled", RequestFormat::Mplus) },
        Scenario {
            sender: Sender::Shared,
            follow_up: FollowUp::Another,
            ..of("accept from the pool, twice", RequestFormat::Mplus)
        },
        Scenario {
            sender: Sender::Shared,
            follow_up: FollowUp::Reply,
            ..of("accept from the pool, and a reply", RequestFormat::Mplus)
        },
        Scenario { sender: Sender::Rated, messages: 3, ..of("accept three, rate-limited", RequestFormat::Mplus) },
        Scenario {
            sender: Sender::Rated,
            scheduled: true,
            ..of("accept scheduled, rate-limited", RequestFormat::Mplus)
        },
        Scenario { messages: 3, only_function: Some("send"), ..of("accept three, cm JSON", RequestFormat::CmJson) },
        Scenario { only_function: Some("send"), ..of("accept, cm XML", RequestFormat::CmXml) },
        Scenario { only_function: Some("send"), ..of("accept, cm GET", RequestFormat::CmGet) },
    ]
}

fn submits(carrier: CarrierName) -> Vec<Scenario> {
    let of =
        |what: &str, phone: Phone| Scenario::new(&format!("{what}, {carrier}"), RequestFormat::Mplus, carrier, phone);
    let over = |what: &str, behavior: &'static str| Scenario {
        rcs: Some(behavior),
        ..of(&format!("two channels, the first {what}"), Phone::Delivered)
    };
    let mut all = vec![
        of("no receipt", Phone::NoReceipt),
        of("rejected", Phone::Rejected),
        of("undelivered", Phone::Undelivered),
        of("busy", Phone::Busy),
        of("five receipts", Phone::Repeated),
        of("receipts out of order", Phone::OutOfOrder),
        of("the phone says STOP", Phone::Stops),
        over("rejects", "rejects"),
        over("fails", "fails"),
        over("is silent", "silent"),
    ];
    let named = format!("callback for each state, cm, {carrier}");
    all.push(Scenario::new(&named, RequestFormat::CmJson, carrier, Phone::Undelivered));
    all
}

/// Returns scenarios in which the carrier's answer comes too late: one with a resend, one with a lookup.
fn no_answer() -> [Scenario; 2] {
    let of = |name: &str, on_unknown| {
        let no_answer = Scenario::new(name, RequestFormat::Mplus, CarrierName::Loopback, Phone::NoAnswer);
        Scenario { on_unknown: Some(on_unknown), only_function: Some("dispatch"), ..no_answer }
    };
    let asked = of("no answer, then looked up", OnUnknown::Wait);
    [
        of("no answer, then resent", OnUnknown::Resend),
        Scenario { lookup: true, expected_state: State::Submitted, ..asked },
    ]
}
