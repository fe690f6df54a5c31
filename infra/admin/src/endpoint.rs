//! `admin endpoint`: clients' endpoints that fail, and switching on those that are off.

use serde_json::json;
use shared::domain::{AccountId, CallbackUrl, Endpoint, Standing, Timestamp, Trouble};

use crate::{
    Desk, account,
    arguments::EndpointCommand,
    failure::Failure,
    output::{Report, table, time},
};

pub async fn run(command: EndpointCommand, desk: &Desk) -> Result<Report, Failure> {
    match command {
        EndpointCommand::List { account } => list(desk, account.as_ref()).await,
        EndpointCommand::On { account, url } => switch_on(desk, &account, &url).await,
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
    if !desk.directory.switch_on(endpoint.id()).await? {
        return Err(Failure::Refused(format!(
            "nothing is on record of that endpoint of {account}, so it is called; nothing was changed.\n\
             `admin endpoint list --account {account}` shows those that fail"
        )));
    }
    let json = json!({"account": account.as_str(), "url": endpoint.url()});
    Ok(Report::new("", &json).note(format!(
        "It is called again within 30 seconds. What was not told while it was off is told by\n\
         `admin callback replay {account} --since TIME --url {}`: of messages that were accepted\n\
         since then, so for scheduled ones TIME is to be earlier than when it went off.",
        endpoint.url().as_str()
    )))
}
