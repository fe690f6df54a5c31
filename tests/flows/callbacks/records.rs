//! Races on the stored health of an endpoint.

use futures_util::future::join_all;
use jiff::Timestamp;
use shared::{
    domain::{AccountId, CallbackUrl, CircuitState, Endpoint, EndpointHealth, ExecutionId},
    runtime::aws,
    store::{DynamoDirectory, Endpoints, FailedCall, Freshness, ProbeStart},
};
use tests::System;

struct EndpointRecords {
    _system: System,
    store: DynamoDirectory,
    endpoint: Endpoint,
}

impl EndpointRecords {
    async fn start() -> Self {
        let system = System::start().await;
        let client = aws::dynamodb(&system.environment()).unwrap();
        let store = DynamoDirectory::new(client, "DirectoryTable".to_owned());
        let url = "https://client.example/dr?id=1".parse::<CallbackUrl>().unwrap();
        Self { _system: system, store, endpoint: Endpoint::of(&"demo".parse::<AccountId>().unwrap(), &url) }
    }

    async fn record_failure(&self, at: Timestamp) -> EndpointHealth {
        self.record_failure_with_pause(at, None).await
    }

    async fn record_failure_with_pause(&self, at: Timestamp, paused_until: Option<Timestamp>) -> EndpointHealth {
        let call = FailedCall {
            endpoint: &self.endpoint,
            begun_at: at,
            at,
            reason: "status 500",
            paused_until,
            failed_endpoint: None,
        };
        self.store.record_failure(&call).await.unwrap()
    }

    async fn on_record(&self) -> Option<EndpointHealth> {
        self.store.health(self.endpoint.id(), Freshness::Latest).await.unwrap()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

#[tokio::test]
async fn failures_are_counted_from_the_first_since_the_last_success() {
    let records = EndpointRecords::start().await;
    for second in [0, 10, 20] {
        records.record_failure(at(second)).await;
    }
    let health = records.on_record().await.unwrap();
    assert_eq!((health.since, health.last_at, health.failures), (at(0), at(20), 3));
    assert_eq!((health.endpoint, health.times_opened, health.disabled), (records.endpoint.clone(), 0, None));
    assert!(records.store.clear(records.endpoint.id()).await.unwrap());
    assert_eq!(records.on_record().await, None);
    assert!(records.store.clear(records.endpoint.id()).await.unwrap(), "there was no record any more");
    let health = records.record_failure(at(30)).await;
    assert_eq!((health.since, health.failures), (at(30), 1));
}

#[tokio::test]
async fn requested_pause_outlasts_the_next_failure() {
    let records = EndpointRecords::start().await;
    records.record_failure_with_pause(at(0), Some(at(60))).await;
    assert_eq!(records.record_failure(at(1)).await.paused_until, Some(at(60)));
    assert_eq!(records.on_record().await.unwrap().circuit_state(at(2)), CircuitState::Open(at(60)));
    assert_eq!(
        records.record_failure_with_pause(at(2), Some(at(30))).await.paused_until,
        Some(at(30)),
        "the newest pause wins"
    );
}

#[tokio::test]
async fn endpoint_that_answered_meanwhile_is_not_disabled() {
    let records = EndpointRecords::start().await;
    let seen = records.record_failure(at(0)).await;
    records.store.clear(records.endpoint.id()).await.unwrap();
    let off_by = async |seen: &EndpointHealth, run: u64| {
        let found = records.store.disable(seen, at(3), ExecutionId::new(run)).await.unwrap();
        assert_eq!(found, records.on_record().await);
        found.and_then(|health| health.disabled).map(|disabled| (disabled.since, disabled.execution_id))
    };
    assert_eq!(off_by(&seen, 1).await, None);
    assert_eq!(records.on_record().await, None);
    // The endpoint answered, and then failed again.
    let anew = records.record_failure(at(2)).await;
    assert_eq!(off_by(&seen, 1).await, None);
    let by_the_first = Some((at(3), ExecutionId::new(1)));
    assert_eq!(off_by(&anew, 1).await, by_the_first);
    // The same execution disables it twice, as after a lost answer. Another execution does not.
    assert_eq!(off_by(&anew, 1).await, by_the_first);
    assert_eq!(off_by(&anew, 2).await, by_the_first);
    // A late answer or failure changes nothing.
    assert!(!records.store.clear(records.endpoint.id()).await.unwrap());
    assert_eq!(records.record_failure(at(9)).await, records.on_record().await.unwrap());
    assert_eq!(records.on_record().await.unwrap().last_at, at(2));
}

#[tokio::test]
async fn one_of_many_concurrent_probes_begins() {
    let records = EndpointRecords::start().await;
    let seen = records.record_failure(at(0)).await;
    // All probes have read the same record.
    let started = join_all((0..20).map(|n| records.store.begin_probe(&seen, at(60), ExecutionId::new(n)))).await;
    let ours = started.iter().filter(|started| matches!(started, Ok(ProbeStart::Ours(_)))).count();
    let others = started.iter().filter(|started| matches!(started, Ok(ProbeStart::Lost(_)))).count();
    assert_eq!((ours, others), (1, 19));
    assert_eq!(records.on_record().await.unwrap().times_opened, 1);
    records.store.clear(records.endpoint.id()).await.unwrap();
    assert_eq!(records.store.begin_probe(&seen, at(60), ExecutionId::new(0)).await.unwrap(), ProbeStart::Recovered);
    assert_eq!(records.on_record().await, None);
}
