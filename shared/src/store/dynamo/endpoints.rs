//! [`Endpoints`] on DynamoDB: a directory item per failing endpoint, which expires some time after the last
//! failure.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::delete_item::builders::DeleteItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    DynamoDirectory, Item, change::UpdateResult, directory::unreadable, item::from_item, keys, message_item::time,
    number, string,
};
use crate::{
    domain::{AccountId, CallbackUrl, Disabled, Endpoint, EndpointHealth, EndpointId, ExecutionId},
    store::{Endpoints, FailedCall, Freshness, ProbeStart, StoreError, dynamo::unavailable},
};

const CLEAR: &str = "delete an endpoint's record";

#[derive(Deserialize)]
struct EndpointHealthItem {
    account: AccountId,
    url: CallbackUrl,
    since: i64,
    last_at: i64,
    failures: u32,
    reason: String,
    /// Absent until the first probe.
    #[serde(default)]
    times_opened: u32,
    retry_at: i64,
    paused_until: Option<i64>,
    disabled_since: Option<i64>,
    #[serde(default)]
    is_origin: bool,
    execution_id: Option<ExecutionId>,
}

fn read(item: Item) -> Result<EndpointHealth, StoreError> {
    let item: EndpointHealthItem = from_item(item).map_err(unreadable)?;
    let disabled = item.disabled_since.zip(item.execution_id);
    let endpoint = Endpoint::of(&item.account, &item.url);
    Ok(EndpointHealth {
        endpoint: if item.is_origin { endpoint.origin() } else { endpoint },
        since: time(item.since)?,
        last_at: time(item.last_at)?,
        failures: item.failures,
        reason: item.reason,
        times_opened: item.times_opened,
        retry_at: time(item.retry_at)?,
        paused_until: item.paused_until.map(time).transpose()?,
        disabled: disabled
            .map(|(since, execution_id)| Ok::<_, StoreError>(Disabled { since: time(since)?, execution_id }))
            .transpose()?,
    })
}

impl Endpoints for DynamoDirectory {
    async fn health(&self, endpoint: EndpointId, freshness: Freshness) -> Result<Option<EndpointHealth>, StoreError> {
        let id = keys::endpoint(endpoint);
        let found = match freshness {
            Freshness::Latest => self.latest(id).await?,
            Freshness::Recent => self.get(id).await?,
        };
        found.map(read).transpose()
    }

    async fn record_failure(&self, call: &FailedCall<'_>) -> Result<EndpointHealth, StoreError> {
        let update = self
            .update(keys::endpoint(call.endpoint.id()))
            .set_once(keys::ACCOUNT, string(call.endpoint.account().as_str()))
            .set_once(keys::URL, string(call.endpoint.url().as_str()))
            .set_once(keys::SINCE, number(call.begun_at.as_millisecond()))
            .set_once(keys::RETRY_AT, number(EndpointHealth::first_retry_at(call.at).as_millisecond()))
            .set(keys::LAST_AT, number(call.at.as_millisecond()))
            .set(keys::REASON, string(call.reason))
            .set_if_given(keys::PAUSED_UNTIL, call.paused_until.map(|until| number(until.as_millisecond())))
            .set(keys::EXPIRES_AT, number(EndpointHealth::kept_until(call.at).as_second()))
            .count(keys::FAILURES, 1)
            .expect_absent(keys::DISABLED_SINCE);
        let update = match call.failed_endpoint.map(|endpoint| string(endpoint.to_string())) {
            Some(failed) => update
                .set(keys::IS_ORIGIN, AttributeValue::Bool(true))
                .set(keys::FAILED_ENDPOINT, failed.clone())
                .expect_other(keys::FAILED_ENDPOINT, failed),
            None => update,
        };
        match update.send("record an endpoint's failure").await? {
            UpdateResult::Applied(item) | UpdateResult::Conflict(item) => read(item),
            UpdateResult::NotFound => Err(unreadable("an endpoint that was just written is missing")),
        }
    }

    async fn begin_probe(
        &self,
        seen: &EndpointHealth,
        until: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<ProbeStart, StoreError> {
        let update = self
            .update(keys::endpoint(seen.endpoint.id()))
            .set(keys::RETRY_AT, number(until.as_millisecond()))
            .set(keys::TIMES_OPENED, number(seen.times_opened.saturating_add(1)))
            .set(keys::PROBED_BY, string(execution_id.to_string()))
            .expect(keys::SINCE, number(seen.since.as_millisecond()))
            .expect(keys::RETRY_AT, number(seen.retry_at.as_millisecond()))
            .expect_absent(keys::DISABLED_SINCE);
        Ok(match update.send("claim an endpoint's probe").await? {
            UpdateResult::Applied(item) => ProbeStart::Ours(read(item)?),
            UpdateResult::NotFound => ProbeStart::Recovered,
            UpdateResult::Conflict(item) => {
                // An earlier attempt of this request may have been applied and its answer lost.
                let is_ours = item.get(keys::PROBED_BY) == Some(&string(execution_id.to_string()));
                let found = read(item)?;
                if is_ours && found.disabled.is_none() { ProbeStart::Ours(found) } else { ProbeStart::Lost(found) }
            }
        })
    }

    async fn disable(
        &self,
        seen: &EndpointHealth,
        at: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let update = self
            .update(keys::endpoint(seen.endpoint.id()))
            .set(keys::DISABLED_SINCE, number(at.as_millisecond()))
            .set(keys::EXECUTION_ID, string(execution_id.to_string()))
            .set(keys::EXPIRES_AT, number(EndpointHealth::disabled_kept_until(at).as_second()))
            .expect(keys::SINCE, number(seen.since.as_millisecond()))
            .expect_absent(keys::DISABLED_SINCE);
        match update.send("disable an endpoint").await? {
            UpdateResult::Applied(item) | UpdateResult::Conflict(item) => read(item).map(Some),
            UpdateResult::NotFound => Ok(None),
        }
    }

    async fn clear(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let request = self
            .delete(endpoint)
            .condition_expression("attribute_not_exists(#disabled)")
            .expression_attribute_names("#disabled", keys::DISABLED_SINCE);
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

    /// Deletes and returns an endpoint's record, even if the endpoint is disabled. We read the record
    /// first, because the deletion's answer may be lost, and its retry finds no item.
    pub async fn enable(&self, endpoint: EndpointId) -> Result<Option<EndpointHealth>, StoreError> {
        let Some(before) = self.health(endpoint, Freshness::Latest).await? else { return Ok(None) };
        let request = self.delete(endpoint).return_values(ReturnValue::AllOld);
        let deleted = request.send().await.map_err(unavailable(CLEAR))?.attributes;
        Ok(Some(deleted.map(read).transpose()?.unwrap_or(before)))
    }

    /// Lists failing endpoints, of all accounts or a single account, the longest failing first.
    pub async fn all_health(&self, account: Option<&AccountId>) -> Result<Vec<EndpointHealth>, StoreError> {
        let items = self.scan(keys::ENDPOINT_ITEM).await?;
        let mut all_health = items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        all_health.retain(|health| account.is_none_or(|account| health.endpoint.account() == account));
        all_health.sort_by(|a, b| (a.since, a.endpoint.url().as_str()).cmp(&(b.since, b.endpoint.url().as_str())));
        Ok(all_health)
    }
}
