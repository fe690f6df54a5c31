//! Suspensions of the demo account, as an operator begins and ends them.

use std::time::Duration;

use shared::domain::Message;
use tests::system::DEMO_ACCOUNT;

use super::webhooks::PendingWebhooks;
use crate::{
    stage::Stage,
    verdict::{Record, Verdict},
};

/// Longer than any cache of the directory.
const CACHED: Duration = Duration::from_secs(31);

/// Periods without submits, each by the number of invocations at its beginning and end.
#[derive(Default)]
pub struct Suspensions {
    begun_after: Option<usize>,
    ended: Vec<(usize, usize)>,
}

impl Suspensions {
    /// Suspends the account, or resumes it. No function runs meanwhile.
    pub async fn toggle(&mut self, stage: &Stage) {
        let invocations = stage.proxy.invocations();
        if let Some(begun_after) = self.begun_after.take() {
            self.ended.push((begun_after, invocations));
            stage.admin(&["account", "resume", DEMO_ACCOUNT]).await;
        } else {
            stage.admin(&["account", "suspend", DEMO_ACCOUNT]).await;
            self.begun_after = Some(invocations);
        }
    }

    /// Resumes the account at the end of a run, and lets the functions' caches see it.
    pub async fn end(&mut self, stage: &mut Stage) {
        if self.begun_after.is_some() {
            self.toggle(stage).await;
        }
        if !self.ended.is_empty() {
            stage.advance(CACHED).await;
        }
    }

    pub async fn judge(&self, stage: &Stage, webhooks: &PendingWebhooks, verdict: &mut Verdict) {
        if self.ended.is_empty() {
            return;
        }
        let record = Record::read(stage).await;
        let during =
            |invocation: usize| self.ended.iter().any(|(begun, ended)| (begun + 1..=*ended).contains(&invocation));
        for (submit, _) in webhooks.submits.iter().filter(|(submit, _)| during(submit.invocation)) {
            let of_account = |message: &&Message| message.account.as_str() == DEMO_ACCOUNT;
            if record.messages.iter().filter(of_account).any(|message| submit.belongs_to(message)) {
                verdict.wrong.push("submitted while the account was suspended".to_owned());
            }
        }
    }
}
