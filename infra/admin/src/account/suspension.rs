//! `admin account suspend` and `resume`.

use serde_json::json;
use shared::{domain::AccountId, flow::operator::requeue::requeue_account, runtime::Environment};

use crate::{
    Context, account,
    connect::Connection,
    failure::Failure,
    output::{Report, counted, time},
};

pub(super) async fn suspend(id: &AccountId, context: &Context) -> Result<Report, Failure> {
    let account = context.directory.suspend_account(id, Some(context.clock.now())).await?;
    let account = account.ok_or_else(|| account::missing(id))?;
    let since = account.suspended_at.map(time);
    let note = format!(
        "The account {id} is suspended: no message goes to a carrier. New messages are refused within 30 seconds.\n\
         `admin account resume {id}` ends this; `admin message cancel --account {id}` cancels what waits."
    );
    Ok(Report::new("", &json!({"account": id, "suspended_at": since})).note(note))
}

pub(super) async fn resume(
    id: &AccountId,
    context: &Context,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    let urls = connection.job_queues().await?;
    let gateway = connection.gateway(urls, environment).await?;
    context.directory.suspend_account(id, None).await?.ok_or_else(|| account::missing(id))?;
    let enqueued = requeue_account(&gateway, id).await?;
    let messages = counted(enqueued, "message", "messages");
    let note = format!("The account {id} may send again. {messages} enqueued. Callbacks follow within 15 minutes.");
    Ok(Report::new("", &json!({"account": id, "enqueued": enqueued})).note(note))
}
