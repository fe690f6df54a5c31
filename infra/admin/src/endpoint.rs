//! `admin endpoint`: clients' endpoints that fail, and switching on those that are off.

use serde_json::json;
use shared::domain::{AccountId, CallbackUrl, Endpoint, Standing, Timestamp, Trouble};

use crate::{
    Desk, account,
    arguments::{EndpointCommand, WhichEndpoints},
    failure::Failure,
    output::{Report, table, time},
};

pub async fn run(command: EndpointCommand, desk: &Desk) -> Result<Report, Failure> {
    match command {
        EndpointCommand::List { account } => list(desk, account.as_ref()).await,
        EndpointCommand::On { account, which: WhichEndpoints { url: Some(url), .. } } => {
            switch_on(desk, &account, &url).await
        }
        EndpointCommand::On { account, which: WhichEndpoints { url: None, .. } } => switch_all_on(desk, &account).await,
    }
}

async fn list(desk: &Desk, account: Option<&AccountId>) -> Result<Report, Failure> {
    if let Some(account) = account {
        account::existing(&desk.directory, account).await?;
    }
    let (troubles, now) = (desk.directory.troubles(account).await?, desk.clock.now());
    let shown: Vec<_> = troubles.iter().map(|trouble| shown(trouble, now)).collect();
    let row = |trouble: &Trouble| {
        let (account, url) = (trouble.endpoint.account().to_string(), trouble.endpoint.url().as_str().to_owned());
        let failures = trouble.failures.to_string();
        [account, state(trouble, now), time(trouble.since), failures, trouble.reason.clone(), url]
    };
    let rows: Vec<_> = troubles.iter().map(row).collect();
    let text = match rows.as_slice() {
        [] => "no endpoint fails\n".to_owned(),
        rows => table(["ACCOUNT", "STATE", "FAILING SINCE", "FAILURES", "LAST REASON", "URL"], rows),
    };
    Ok(Report::new(text, &json!({"endpoints": shown})))
}

fn state(trouble: &Trouble, now: Timestamp) -> String {
    match (trouble.off, trouble.standing(now)) {
        (Some(off), _) => format!("off since {}", time(off.since)),
        (None, Standing::Resting(until)) => format!("rests until {}", time(until)),
        (None, _) => "fails".to_owned(),
    }
}

fn shown(trouble: &Trouble, now: Timestamp) -> serde_json::Value {
    let rests_until = match trouble.standing(now) {
        Standing::Resting(until) => Some(time(until)),
        _ => None,
    };
    json!({
        "account": trouble.endpoint.account(),
        "url": trouble.endpoint.url(),
        "failing_since": time(trouble.since),
        "failures": trouble.failures,
        "last_failure_at": time(trouble.last_at),
        "reason": trouble.reason,
        "rests_until": rests_until,
        "off_since": trouble.off.map(|off| time(off.since)),
    })
}

async fn switch_on(desk: &Desk, account: &AccountId, url: &CallbackUrl) -> Result<Report, Failure> {
    account::existing(&desk.directory, account).await?;
    let endpoint = Endpoint::of(account, url);
    let Some(trouble) = desk.directory.switch_on(endpoint.id()).await? else {
        return Err(Failure::Refused(format!(
            "nothing is on record of that endpoint of {account}, so it is called;\n\
             `admin endpoint list --account {account}` shows those that fail"
        )));
    };
    let (url, off_since) = (endpoint.url().as_str(), trouble.off.map(|off| time(off.since)));
    let json = json!({"account": account.as_str(), "url": url, "was_off_since": off_since});
    let report = Report::new("", &json);
    Ok(match off_since {
        Some(since) => report.note(format!(
            "It was off since {since}, and is called from now on. {}",
            told_later(account, &format!(" --url {url}"))
        )),
        None => report.note(
            "It was not off: nothing was held back. What happens from now on is told to it within seconds; what waits\n\
             for it, when its own wait is over.",
        ),
    })
}

async fn switch_all_on(desk: &Desk, account: &AccountId) -> Result<Report, Failure> {
    account::existing(&desk.directory, account).await?;
    let mut on = Vec::new();
    for trouble in desk.directory.troubles(Some(account)).await? {
        if trouble.off.is_some() {
            desk.directory.switch_on(trouble.endpoint.id()).await?;
            on.push(trouble.endpoint.url().as_str().to_owned());
        }
    }
    let report = Report::new(on.join("\n"), &json!({"account": account.as_str(), "urls": on}));
    Ok(match on.len() {
        0 => report.note(format!("No endpoint of {account} is off.")),
        count => report
            .note(format!("Of {account}, {count} that were off are called from now on. {}", told_later(account, ""))),
    })
}

/// What an endpoint that was off has missed is not told by itself.
fn told_later(account: &AccountId, only: &str) -> String {
    format!(
        "What was not told meanwhile is told by\n\
         `admin callback replay {account} --since TIME{only}`: of messages that were accepted\n\
         since then, so for scheduled ones TIME is to be earlier than when it went off."
    )
}
