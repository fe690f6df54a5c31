//! `admin message cancel`.

use serde_json::json;
use shared::{
    domain::SignedDuration,
    flow::operator::cancel_all::{CancelFilter, CancelledCount, cancel_all},
    queue::QueueUrls,
    runtime::Environment,
};

use crate::{
    account,
    arguments::MessageCancel,
    connect::{Connection, Resource},
    failure::Failure,
    output::{Report, counted, time},
};

pub(super) async fn cancel(
    wanted: MessageCancel,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    let MessageCancel { account, key, since, until, yes } = wanted;
    let now = environment.clock.now();
    // Clocks differ, and this very second's messages count.
    let soon = now.saturating_add(SignedDuration::from_secs(5)).unwrap_or(now);
    let filter = CancelFilter { since, until: until.unwrap_or(soon), key };
    if filter.until <= filter.since {
        return Err(Failure::Usage("--until is not after --since".to_owned()));
    }
    account::existing(&connection.directory().await?, &account).await?;
    let urls = QueueUrls { callbacks: Some(connection.name(Resource::CallbacksQueue).await?), ..QueueUrls::default() };
    let gateway = connection.gateway(urls, environment).await?;
    let mut done = CancelledCount::default();
    let result = cancel_all(&gateway, &account, &filter, !yes, &mut done).await;
    let messages = counted(done.cancelled, "message", "messages");
    if let Err(error) = result {
        let resume = time(done.reached.unwrap_or(filter.until));
        let advice = format!("{messages} cancelled so far. To go on, run the command again with --until {resume}.");
        return Err(Failure::Interrupted { advice, source: error });
    }
    if !yes {
        let period = format!("accepted from {} until {}", time(filter.since), time(filter.until));
        return Err(Failure::Unconfirmed {
            words: format!("It would cancel {messages} of {account}, {period}. Run it again with --yes to do so."),
            counts: json!({"messages": done.cancelled}),
        });
    }
    let report = Report::new(
        format!("{} cancelled", done.cancelled),
        &json!({
            "cancelled": done.cancelled, "too_late": done.too_late,
        }),
    );
    Ok(match done.too_late {
        0 => report,
        late => report.note(format!(
            "{} with a carrier by then, and not cancelled.",
            counted(late, "message was", "messages were")
        )),
    })
}
