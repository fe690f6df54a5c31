//! [`Endpoints`] on DynamoDB: an item of the directory for each endpoint that fails,
//! which goes by itself some time after the last failure.

use aws_sdk_dynamodb::{
    error::SdkError, operation::delete_item::builders::DeleteItemFluentBuilder, types::ReturnValue,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;

use super::{DynamoDirectory, Item, change::Answer, directory::unreadable, keys, message_item::time, number, string};
use crate::{
    domain::{AccountId, CallbackUrl, Endpoint, EndpointId, ExecutionId, Off, Trouble},
    store::{Begun, Endpoints, FailedCall, Freshness, StoreError, dynamo::unavailable},
};

const CLEAR: &str = "clear what is on record of an endpoint";

/// The item, but for its key and when it goes.
#[derive(Deserialize)]
struct TroubleItem {
    account: AccountId,
    url: CallbackUrl,
    since: i64,
    last_at: i64,
    failures: u32,
    reason: String,
    #[serde(default)]
    rests: u32,
    retry_at: i64,
    asked_until: Option<i64>,
    off_since: Option<i64>,
    execution_id: Option<ExecutionId>,
}

fn read(item: Item) -> Result<Trouble, StoreError> {
    let item: TroubleItem = from_item(item).map_err(unreadable)?;
    let off = item.off_since.zip(item.execution_id);
    Ok(Trouble {
        endpoint: Endpoint::of(&item.account, &item.url),
        since: time(item.since)?,
        last_at: time(item.last_at)?,
        failures: item.failures,
        reason: item.reason,
        rests: item.rests,
        retry_at: time(item.retry_at)?,
        asked_until: item.asked_until.map(time).transpose()?,
        off: off
            .map(|(since, execution_id)| Ok::<_, StoreError>(Off { since: time(since)?, execution_id }))
            .transpose()?,
    })
}

impl Endpoints for DynamoDirectory {
    async fn trouble(&self, endpoint: EndpointId, freshness: Freshness) -> Result<Option<Trouble>, StoreError> {
        let id = keys::endpoint(endpoint);
        let found = match freshness {
            Freshness::Latest => self.latest(id).await?,
            Freshness::Recent => self.get(id).await?,
        };
        found.map(read).transpose()
    }

    async fn note_failure(&self, call: &FailedCall<'_>) -> Result<Trouble, StoreError> {
        let update = self
            .update(keys::endpoint(call.endpoint.id()))
            .set_once(keys::ACCOUNT, string(call.endpoint.account().as_str()))
            .set_once(keys::URL, string(call.endpoint.url().as_str()))
            .set_once(keys::SINCE, number(call.begun_at.as_millisecond()))
            .set_once(keys::RETRY_AT, number(Trouble::first_retry_at(call.at).as_millisecond()))
            .set(keys::LAST_AT, number(call.at.as_millisecond()))
            .set(keys::REASON, string(call.reason))
            .set_if_given(keys::ASKED_UNTIL, call.asked_until.map(|until| number(until.as_millisecond())))
            .set(keys::EXPIRES_AT, number(Trouble::kept_until(call.at).as_second()))
            .count(keys::FAILURES)
            .expect_absent(keys::OFF_SINCE);
        match update.send("note that an endpoint fails").await? {
            // Of one that is off nothing is counted any more.
            Answer::Made(item) | Answer::Refused(item) => read(item),
            Answer::Missing => Err(unreadable("an endpoint that was just written is not there")),
        }
    }

    async fn begin_try(
        &self,
        seen: &Trouble,
        until: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<Begun, StoreError> {
        let update = self
            .update(keys::endpoint(seen.endpoint.id()))
            .set(keys::RETRY_AT, number(until.as_millisecond()))
            .set(keys::RESTS, number(seen.rests.saturating_add(1)))
            .set(keys::TRIED_BY, string(execution_id.to_string()))
            .expect(keys::SINCE, number(seen.since.as_millisecond()))
            .expect(keys::RETRY_AT, number(seen.retry_at.as_millisecond()))
            .expect_absent(keys::OFF_SINCE);
        Ok(match update.send("begin to try an endpoint").await? {
            Answer::Made(item) => Begun::Ours(read(item)?),
            Answer::Missing => Begun::Recovered,
            Answer::Refused(item) => {
                // The answer to an earlier try of this request may have been lost.
                let is_ours = item.get(keys::TRIED_BY) == Some(&string(execution_id.to_string()));
                let found = read(item)?;
                if is_ours && found.off.is_none() { Begun::Ours(found) } else { Begun::Otherwise(found) }
            }
        })
    }

    async fn switch_off(
        &self,
        seen: &Trouble,
        at: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<Option<Trouble>, StoreError> {
        let update = self
            .update(keys::endpoint(seen.endpoint.id()))
            .set(keys::OFF_SINCE, number(at.as_millisecond()))
            .set(keys::EXECUTION_ID, string(execution_id.to_string()))
            .set(keys::EXPIRES_AT, number(Trouble::off_until(at).as_second()))
            .expect(keys::SINCE, number(seen.since.as_millisecond()))
            .expect_absent(keys::OFF_SINCE);
        match update.send("switch an endpoint off").await? {
            Answer::Made(item) | Answer::Refused(item) => read(item).map(Some),
            Answer::Missing => Ok(None),
        }
    }

    async fn clear(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let request = self
            .delete(endpoint)
            .condition_expression("attribute_not_exists(#off)")
            .expression_attribute_names("#off", keys::OFF_SINCE);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(unavailable(CLEAR)(error)),
        }
    }
}

impl DynamoDirectory {
    fn delete(&self, endpoint: EndpointId) -> DeleteItemFluentBuilder {
        self.client.delete_item().table_name(&self.table).key(keys::ID, string(keys::endpoint(endpoint)))
    }

    /// Takes away what is on record of an endpoint, also that it is off. Gives what that
    /// was, which is read before as well: the answer to the deletion may be lost, and its
    /// repeat finds nothing.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn switch_on(&self, endpoint: EndpointId) -> Result<Option<Trouble>, StoreError> {
        let Some(before) = self.trouble(endpoint, Freshness::Latest).await? else { return Ok(None) };
        let request = self.delete(endpoint).return_values(ReturnValue::AllOld);
        let deleted = request.send().await.map_err(unavailable(CLEAR))?.attributes;
        Ok(Some(deleted.map(read).transpose()?.unwrap_or(before)))
    }

    /// What is on record of every endpoint that fails, of all accounts or of one, the
    /// longest trouble first.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn troubles(&self, account: Option<&AccountId>) -> Result<Vec<Trouble>, StoreError> {
        let items = self.scan(keys::ENDPOINT_ITEM).await?;
        let mut troubles = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        troubles.retain(|trouble| account.is_none_or(|account| trouble.endpoint.account() == account));
        troubles.sort_by(|a, b| (a.since, a.endpoint.url().as_str()).cmp(&(b.since, b.endpoint.url().as_str())));
        Ok(troubles)
    }
}
