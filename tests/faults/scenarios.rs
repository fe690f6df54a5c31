//! The scenarios of the sweep.

use shared::domain::{CarrierName, Dialect, Lane, OnUnknown, State};
use strum::IntoEnumIterator;
use tests::{
    carrier_of_each_vendor,
    clients::{Ability, ClientFormat, formats, main_format},
};

use crate::scenario::{FollowUp, Idempotency, Phone, Scenario, Sender};

const LOOPBACK: &str = "loopback";
/// Two carriers of one vendor.
const CONNECTIONS: [&str; 2] = ["cm", "cm-uk"];

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    let carriers = carrier_of_each_vendor();
    // A message, its receipt and a reply, in each dialect through each vendor.
    for dialect in Dialect::iter() {
        for carrier in &carriers {
            let name = format!("round trip, {dialect:?} in, {carrier} out");
            let there = Scenario::new(&name, main_format(dialect), carrier.as_str(), Phone::Delivered);
            all.push(Scenario { follow_up: FollowUp::Reply, ..there });
        }
    }
    all.extend(accepts());
    for carrier in &carriers {
        all.extend(submits(carrier.as_str()));
    }
    let through = |name: &str, phone: Phone, carriers: Vec<CarrierName>| {
        let scenario = Scenario::new(name, mplus(), LOOPBACK, phone);
        Scenario { carriers, ..scenario }
    };
    let connections = || CONNECTIONS.map(|name| name.parse().unwrap()).to_vec();
    all.push(through("two carriers, both busy", Phone::Busy, carriers.clone()));
    all.push(through("two carriers, both reject", Phone::Rejected, carriers));
    all.push(through("two connections, both busy", Phone::Busy, connections()));
    all.push(through("two connections, both reject", Phone::Rejected, connections()));
    all.extend(no_answer());
    all.extend(messangi());
    all.extend(lanes());
    all.push(Scenario::new("unsubscribed at the vendor", mplus(), "mta", Phone::Unsubscribed));
    let cancel = Scenario::new("cancel", mplus(), LOOPBACK, Phone::Delivered);
    let cancel = Scenario { scheduled: true, follow_up: FollowUp::Cancel, expected_state: State::Cancelled, ..cancel };
    all.push(cancel.clone());
    let name = "cancel two, not idempotent".to_owned();
    all.push(Scenario { name, messages: 2, idempotency: Idempotency::None, ..cancel.clone() });
    for (by, idempotency) in [("id", Idempotency::MessageId), ("key", Idempotency::Key), ("no name", Idempotency::None)]
    {
        let batch =
            Scenario { name: format!("cancel a batch, by {by}"), format: batch(), messages: 3, ..cancel.clone() };
        all.push(Scenario { idempotency, ..batch });
    }
    all
}

fn mplus() -> &'static ClientFormat {
    main_format(Dialect::Mplus)
}

fn batch() -> &'static ClientFormat {
    formats().find(|format| format.name == "mplus batch").unwrap()
}

/// Returns what Messangi has and no other vendor: a login, several callback URLs, and a callback after a cancellation.
fn messangi() -> [Scenario; 3] {
    let of =
        |what: &str, carrier: &str, phone: Phone| Scenario::new(what, main_format(Dialect::Messangi), carrier, phone);
    let two = of("two callback URLs", LOOPBACK, Phone::Undelivered);
    [
        of("log in, then submit", "messangi-mx", Phone::Delivered),
        of("callback for each state, messangi", "messangi", Phone::Undelivered),
        Scenario { second_callback: true, ..two },
    ]
}

/// Returns what enqueues a job after the first: a schedule, a retry and a failover.
fn lanes() -> [Scenario; 3] {
    let of = |what: &str, phone: Phone, lane| Scenario {
        lane: Some(lane),
        ..Scenario::new(&format!("{what}, {}", lane.into_str()), mplus(), LOOPBACK, phone)
    };
    [
        Scenario { scheduled: true, ..of("scheduled", Phone::Delivered, Lane::Bulk) },
        of("busy", Phone::Busy, Lane::Urgent),
        Scenario { rcs: Some("fails"), ..of("two channels, the first fails", Phone::Delivered, Lane::Bulk) },
    ]
}

fn accepts() -> Vec<Scenario> {
    let in_format = |name: &str, format| Scenario::new(name, format, LOOPBACK, Phone::Delivered);
    let of = |name: &str| in_format(name, mplus());
    let hundred = |by: &str| Scenario {
        messages: 100,
        only_function: Some("send"),
        phone: Phone::NoReceipt,
        expected_state: State::Submitted,
        ..of(&format!("accept a hundred, {by}"))
    };
    let mut all = vec![
        Scenario { idempotency: Idempotency::None, only_function: Some("send"), ..of("accept one, not idempotent") },
        Scenario { messages: 3, idempotency: Idempotency::None, ..of("accept three, not idempotent") },
        Scenario {
            messages: 3,
            idempotency: Idempotency::Key,
            only_function: Some("send"),
            ..of("accept three, by key")
        },
        Scenario { idempotency: Idempotency::MessageId, ..hundred("by id") },
        Scenario { idempotency: Idempotency::Key, ..hundred("by key") },
        Scenario { idempotency: Idempotency::None, ..hundred("not idempotent") },
        Scenario { scheduled: true, ..of("accept scheduled") },
        Scenario { messages: 3, ..in_format("accept a batch, by id", batch()) },
        Scenario { messages: 3, idempotency: Idempotency::Key, ..in_format("accept a batch, by key", batch()) },
        Scenario {
            messages: 3,
            scheduled: true,
            idempotency: Idempotency::None,
            ..in_format("accept a batch, scheduled", batch())
        },
        Scenario { messages: 3, sender: Sender::Rated, ..in_format("accept a batch, rate-limited", batch()) },
        Scenario { sender: Sender::Shared, follow_up: FollowUp::Another, ..of("accept from the pool, twice") },
        Scenario { sender: Sender::Shared, follow_up: FollowUp::Reply, ..of("accept from the pool, and a reply") },
        Scenario { sender: Sender::Rated, messages: 3, ..of("accept three, rate-limited") },
        Scenario { sender: Sender::Rated, scheduled: true, ..of("accept scheduled, rate-limited") },
        Scenario {
            sender: Sender::Rated,
            messages: 2,
            follow_up: FollowUp::Cancel,
            expected_state: State::Cancelled,
            ..of("accept and cancel, rate-limited")
        },
        Scenario {
            sender: Sender::Rated,
            messages: 2,
            ..Scenario::new("busy, rate-limited", mplus(), LOOPBACK, Phone::Busy)
        },
    ];
    // Every other format, with as many messages as it takes.
    for format in formats().filter(|format| !format.has(Ability::MessageId)) {
        let messages = format.most_messages.min(3);
        let name = format!("accept {messages}, {}", format.name);
        all.push(Scenario { messages, only_function: Some("send"), ..in_format(&name, format) });
    }
    all
}

fn submits(carrier: &str) -> Vec<Scenario> {
    let of = |what: &str, phone: Phone| Scenario::new(&format!("{what}, {carrier}"), mplus(), carrier, phone);
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
    all.push(Scenario::new(&named, main_format(Dialect::Cm), carrier, Phone::Undelivered));
    all
}

/// Returns scenarios in which the carrier's answer comes too late: one with a resend, one with a lookup, and
/// one in which the route has two connections of a vendor.
fn no_answer() -> [Scenario; 3] {
    let of = |name: &str, on_unknown| {
        let no_answer = Scenario::new(name, mplus(), LOOPBACK, Phone::NoAnswer);
        Scenario { on_unknown: Some(on_unknown), only_function: Some("dispatch"), ..no_answer }
    };
    let asked = of("no answer, then looked up", OnUnknown::Wait);
    [
        of("no answer, then resent", OnUnknown::Resend),
        Scenario { lookup: true, expected_state: State::Submitted, ..asked },
        Scenario {
            carriers: CONNECTIONS.map(|name| name.parse().unwrap()).to_vec(),
            ..of("no answer, two connections", OnUnknown::Resend)
        },
    ]
}
