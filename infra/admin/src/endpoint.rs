//! `admin endpoint`: lists failing callback endpoints, and enables disabled ones. We show whole URLs only with
//! `--reveal`, because clients put tokens into paths, too.

use serde_json::json;
use shared::domain::{AccountId, CallbackUrl, CircuitState, Endpoint, EndpointHealth, Timestamp};

use crate::{
    Context, account,
    arguments::{EndpointCommand, EndpointSelection},
    failure::Failure,
    output::{Report, counted, table, time, url},
};

pub async fn run(command: EndpointCommand, context: &Context) -> Result<Report, Failure> {
    match command {
        EndpointCommand::List { account, reveal } => list(context, account.as_ref(), reveal).await,
        EndpointCommand::Enable { account, which: EndpointSelection { url: Some(url), .. }, reveal } => {
            enable(context, &account, &url, reveal).await
        }
        EndpointCommand::Enable { account, which: EndpointSelection { url: None, .. }, reveal } => {
            enable_all(context, &account, reveal).await
        }
    }
}

async fn list(context: &Context, account: Option<&AccountId>, reveal: bool) -> Result<Report, Failure> {
    if let Some(account) = account {
        account::existing(&context.directory, account).await?;
    }
    let (mut all_health, now) = (context.directory.all_health(account).await?, context.clock.now());
    // An origin at which one endpoint failed adds nothing to that endpoint's row.
    all_health.retain(|health| !health.endpoint.is_origin() || health.failures > 1);
    let shown: Vec<_> = all_health.iter().map(|health| shown(health, reveal, now)).collect();
    let row = |health: &EndpointHealth| {
        let (account, url) = (health.endpoint.account().to_string(), url(health.endpoint.url(), reveal));
        let url = if health.endpoint.is_origin() { format!("{url} (all URLs there)") } else { url };
        let failures = health.failures.to_string();
        [account, state(health, now), time(health.since), failures, health.reason.clone(), url]
    };
    let rows: Vec<_> = all_health.iter().map(row).collect();
    let text = match rows.as_slice() {
        [] => "no failing endpoints\n".to_owned(),
        rows => table(["ACCOUNT", "STATE", "FAILING SINCE", "FAILURES", "LAST REASON", "URL"], rows),
    };
    Ok(Report::new(text, &json!({"endpoints": shown})))
}

fn state(health: &EndpointHealth, now: Timestamp) -> String {
    match (health.disabled, health.circuit_state(now)) {
        (Some(disabled), _) => format!("disabled since {}", time(disabled.since)),
        (None, CircuitState::Open(until)) => format!("circuit open until {}", time(until)),
        (None, _) => "failing".to_owned(),
    }
}

fn shown(health: &EndpointHealth, reveal: bool, now: Timestamp) -> serde_json::Value {
    let open_until = match health.circuit_state(now) {
        CircuitState::Open(until) => Some(time(until)),
        _ => None,
    };
    json!({
        "account": health.endpoint.account(),
        "url": url(health.endpoint.url(), reveal),
        "is_origin": health.endpoint.is_origin(),
        "failing_since": time(health.since),
        "failures": health.failures,
        "last_failure_at": time(health.last_at),
        "reason": health.reason,
        "open_until": open_until,
        "disabled_since": health.disabled.map(|disabled| time(disabled.since)),
    })
}

async fn enable(context: &Context, account: &AccountId, wanted: &CallbackUrl, reveal: bool) -> Result<Report, Failure> {
    account::existing(&context.directory, account).await?;
    let endpoint = Endpoint::of(account, wanted);
    let origin = context.directory.enable(endpoint.origin().id()).await?;
    let Some(health) = context.directory.enable(endpoint.id()).await?.or(origin) else {
        return Err(Failure::Refused(format!(
            "that endpoint of {account} is not failing, so it is enabled; see\n\
             `admin endpoint list --account {account}`"
        )));
    };
    let (url, disabled_since) = (url(endpoint.url(), reveal), health.disabled.map(|disabled| time(disabled.since)));
    let json = json!({"account": account.as_str(), "url": url, "was_disabled_since": disabled_since});
    let report = Report::new("", &json);
    Ok(match disabled_since {
        Some(since) => report
            .note(format!("It was disabled since {since}, and is enabled now. {}", replay_hint(account, " --url URL"))),
        None => report.note(
            "It was not disabled, so it missed no events. New events are delivered within seconds, and waiting\n\
             events at their next retry.",
        ),
    })
}

async fn enable_all(context: &Context, account: &AccountId, reveal: bool) -> Result<Report, Failure> {
    account::existing(&context.directory, account).await?;
    let mut enabled = Vec::new();
    for health in context.directory.all_health(Some(account)).await? {
        if health.disabled.is_some() {
            context.directory.enable(health.endpoint.id()).await?;
            enabled.push(url(health.endpoint.url(), reveal));
        }
    }
    let report = Report::new(enabled.join("\n"), &json!({"account": account.as_str(), "urls": enabled}));
    Ok(match enabled.len() {
        0 => report.note(format!("No endpoint of {account} is disabled.")),
        count => report.note(format!(
            "Enabled {} of {account}. {}",
            counted(count, "endpoint", "endpoints"),
            replay_hint(account, "")
        )),
    })
}

/// We do not send missed callbacks by ourselves: an operator replays them.
fn replay_hint(account: &AccountId, only: &str) -> String {
    format!(
        "Send the missed callbacks with\n\
         `admin callback replay {account} --since TIME{only}`. TIME is when the messages were accepted;\n\
         for scheduled messages that is earlier than the endpoint's failure."
    )
}
