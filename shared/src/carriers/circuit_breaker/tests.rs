use super::*;
use std::sync::LazyLock;
use uuid::Uuid;

static ACME: LazyLock<AccountId> = LazyLock::new(|| "acme".parse().unwrap());
static OTHER: LazyLock<AccountId> = LazyLock::new(|| "other".parse().unwrap());

/// A message that has not failed.
const FRESH: u128 = 4_711;

fn carrier() -> CarrierName {
    "cm-nl".parse().unwrap()
}

fn of(account: &AccountId, message: u128) -> SubmitKey<'_> {
    let message = MessageId::new(Uuid::from_u128(message));
    SubmitKey { carrier: carrier(), account, channel: Channel::Sms, message, was_refused: false }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn failed() -> Outcome {
    Outcome::Unknown { reason: String::new() }
}

/// Lets a message of the account fail in each of the seconds up to the threshold. Returns what the last one opened.
fn fail(circuits: &CircuitBreakers, account: &AccountId) -> Option<Opened> {
    (1..=FAILURE_THRESHOLD).fold(None, |opened, second| {
        assert_eq!(opened, None);
        circuits.record(of(account, second.into()), &failed(), at(second.into()))
    })
}

#[test]
fn circuit_stays_open_longer_after_each_failed_probe() {
    let circuits = CircuitBreakers::default();
    assert_eq!(fail(&circuits, &ACME), Some(Opened { until: at(15), for_all: false }));
    assert_eq!(circuits.open_until(of(&ACME, FRESH), at(10)), Some(at(15)));
    let mut over = 15;
    for (probe, open_for) in (100..).zip([10, 20, 40, 60, 60]) {
        // One caller probes; the rest wait.
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(over)), None);
        assert_eq!(circuits.admit(of(&ACME, probe), at(over)), None);
        assert_eq!(circuits.admit(of(&ACME, 1_000), at(over)), Some(at(over + open_for)));
        // Submits already under way do not extend the open period.
        for _ in 0..10 {
            assert_eq!(circuits.record(of(&ACME, probe), &failed(), at(over + 1)), None, "open already");
        }
        over += open_for;
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(over - 1)), Some(at(over)));
    }
}

#[test]
fn simultaneous_failures_do_not_open_the_circuit() {
    let circuits = CircuitBreakers::default();
    for message in 0..100 {
        circuits.record(of(&ACME, message), &failed(), at(0));
    }
    assert_eq!(circuits.open_until(of(&ACME, FRESH), at(0)), None);
    circuits.record(of(&ACME, 100), &failed(), at(2));
    assert_eq!(circuits.open_until(of(&ACME, FRESH), at(2)), Some(at(7)));
}

#[test]
fn failures_of_two_messages_do_not_open_the_circuit() {
    let circuits = CircuitBreakers::default();
    for second in 0..100 {
        let message = of(&ACME, u128::from(second % 2 == 0));
        assert_eq!(circuits.record(message, &failed(), at(second)), None);
    }
    assert!(circuits.record(of(&ACME, 2), &failed(), at(100)).is_some());
}

#[test]
fn one_accounts_failures_open_no_others_circuit() {
    let circuits = CircuitBreakers::default();
    fail(&circuits, &ACME);
    assert_eq!(circuits.open_until(of(&OTHER, FRESH), at(11)), None);
    assert_eq!(circuits.admit(of(&OTHER, 50), at(11)), None);
    // Another account's message fails, too.
    let opened = circuits.record(of(&OTHER, 50), &failed(), at(11));
    assert_eq!(opened, Some(Opened { until: at(16), for_all: true }));
    assert_eq!(circuits.open_until(of(&OTHER, FRESH), at(11)), Some(at(16)));
    // Its success closes the carrier's circuit, and not that of the first account.
    circuits.record(of(&OTHER, 51), &Outcome::Accepted { carrier_id: None }, at(12));
    assert_eq!(circuits.open_until(of(&OTHER, FRESH), at(12)), None);
    assert_eq!(circuits.open_until(of(&ACME, FRESH), at(12)), Some(at(15)));
}

#[test]
fn message_that_failed_probes_only_if_no_other_does() {
    let circuits = CircuitBreakers::default();
    fail(&circuits, &ACME);
    let refused = SubmitKey { was_refused: true, ..of(&ACME, 77) };
    for poison in [of(&ACME, 1), refused] {
        assert_eq!(circuits.admit(poison, at(15)), Some(at(20)));
        assert_eq!(circuits.admit(poison, at(19)), Some(at(20)));
    }
    assert_eq!(circuits.admit(of(&ACME, 88), at(19)), None, "it has not failed");

    let circuits = CircuitBreakers::default();
    fail(&circuits, &ACME);
    assert_eq!(circuits.admit(of(&ACME, 1), at(20)), None);
}

#[test]
fn lookup_waits_only_for_the_open_period() {
    let circuits = CircuitBreakers::default();
    fail(&circuits, &ACME);
    assert_eq!(circuits.lookup_open_until(carrier(), &ACME, at(14)), Some(at(15)));
    assert_eq!(circuits.lookup_open_until(carrier(), &ACME, at(15)), None);
    assert_eq!(circuits.open_until(of(&ACME, 1), at(15)), Some(at(20)), "a retry of its submit");
}

#[test]
fn refusal_counts_unless_the_carrier_accepts_others() {
    let refused = Outcome::Refused { reason: "status 403".to_owned() };
    let circuits = CircuitBreakers::default();
    circuits.record(of(&OTHER, 1_000), &Outcome::Accepted { carrier_id: None }, at(0));
    let refuse = |from: i64, messages: i64| {
        let messages = (from..from + messages).map(|second| {
            let message = u128::try_from(second).unwrap();
            circuits.record(of(&ACME, message), &refused, at(second)).is_some()
        });
        messages.filter(|is_opened| *is_opened).count()
    };
    assert_eq!(refuse(1, 10), 0, "it accepted a message ten seconds ago at most");
    assert_eq!(refuse(11, 9), 0);
    assert_eq!(refuse(20, 1), 1);
    assert_eq!(circuits.open_until(of(&ACME, FRESH), at(21)), Some(at(25)));
    circuits.record(of(&OTHER, 1_001), &Outcome::Accepted { carrier_id: None }, at(21));
    assert_eq!(circuits.open_until(of(&ACME, FRESH), at(21)), None);
    for second in 21..=31 {
        assert_eq!(circuits.admit(of(&ACME, 5), at(second)), None, "another try for a message that was refused");
    }
    assert_eq!(circuits.admit(of(&ACME, FRESH), at(32)), None, "these tries opened nothing");
}

#[test]
fn old_failures_are_forgotten() {
    let circuits = CircuitBreakers::default();
    for second in 1..FAILURE_THRESHOLD {
        circuits.record(of(&ACME, second.into()), &failed(), at(second.into()));
    }
    let later = i64::from(FAILURE_THRESHOLD) + FORGOTTEN_AFTER.as_secs();
    assert_eq!(circuits.record(of(&OTHER, 99), &failed(), at(later)), None);
    assert_eq!(circuits.lock().by_scope.len(), 2, "those of the latest failure");
    assert_eq!(circuits.record(of(&ACME, 99), &failed(), at(later)), None);
}

#[test]
fn answer_closes_the_circuit_and_resets_the_count() {
    let rejected = Outcome::Rejected { reason: String::new() };
    let opted_out = Outcome::OptedOut { reason: String::new() };
    for outcome in [&Outcome::Accepted { carrier_id: None }, &rejected, &opted_out] {
        let circuits = CircuitBreakers::default();
        assert!(fail(&circuits, &ACME).is_some());
        circuits.record(of(&ACME, 99), outcome, at(10));
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(10)), None);
        circuits.record(of(&ACME, 1), &failed(), at(11));
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(11)), None);
        let is_accepted = matches!(outcome, Outcome::Accepted { .. });
        let accepted_since = |channel, since| circuits.has_accepted_since(carrier(), channel, at(since));
        assert_eq!(accepted_since(Channel::Sms, 9), is_accepted);
        assert!(!accepted_since(Channel::Sms, 10) && !accepted_since(Channel::Rcs, 9));
    }
}
