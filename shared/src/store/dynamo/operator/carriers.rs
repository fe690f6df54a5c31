//! Operators' changes to carriers.
//!
//! An item for each carrier holds its settings, and a single item lists the names. A name is listed before its
//! settings are written and removed after them, so that every carrier with settings is listed.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;
use url::Url;

use super::{
    super::directory::{item_of, read_carriers, unreadable},
    DynamoDirectory, TRIES, Update, UpdateResult, keys, number, string,
};
use crate::{
    domain::{CallingCode, Carrier, CarrierName, CarrierSettings, SenderId, SenderTable},
    store::{StoreError, dynamo::item::from_item},
};

const CHANGE: &str = "change a carrier";

/// Changes to a carrier's settings. `None` keeps a value.
#[derive(Clone, Debug, Default)]
pub struct CarrierChange {
    pub endpoint: Option<Url>,
    pub timeout_ms: Option<u64>,
    pub lookup: Option<bool>,
    pub receipts_by_id: Option<bool>,
    pub country_code: Option<Option<CallingCode>>,
    pub webhook_url: Option<Url>,
    /// The vendor's IDs of these senders; `None` removes one.
    pub sender_ids: BTreeMap<SenderId, Option<String>>,
}

impl CarrierChange {
    /// Returns the settings after the change.
    #[must_use]
    pub fn applied_to(&self, settings: &CarrierSettings) -> CarrierSettings {
        let mut sender_ids = BTreeMap::from(settings.sender_ids.clone());
        for (sender, id) in &self.sender_ids {
            match id {
                Some(id) => sender_ids.insert(sender.clone(), id.clone()),
                None => sender_ids.remove(sender),
            };
        }
        CarrierSettings {
            vendor: settings.vendor,
            endpoint: self.endpoint.as_ref().unwrap_or(&settings.endpoint).clone(),
            timeout_ms: self.timeout_ms.unwrap_or(settings.timeout_ms),
            lookup: self.lookup.unwrap_or(settings.lookup),
            receipts_by_id: self.receipts_by_id.unwrap_or(settings.receipts_by_id),
            country_code: self.country_code.unwrap_or(settings.country_code),
            webhook_url: self.webhook_url.as_ref().or(settings.webhook_url.as_ref()).cloned(),
            sender_ids: SenderTable::from(sender_ids),
        }
    }
}

impl DynamoDirectory {
    pub async fn latest_carrier(&self, name: CarrierName) -> Result<Option<Carrier>, StoreError> {
        let settings = self.latest(keys::carrier(name)).await?.map(from_item).transpose().map_err(unreadable)?;
        Ok(settings.map(|settings| Carrier { name, settings }))
    }

    /// Lists the names, sorted. A name without settings is being added or removed, or that was interrupted.
    pub async fn latest_carrier_names(&self) -> Result<Vec<CarrierName>, StoreError> {
        Ok(self.latest(keys::CARRIERS.to_owned()).await?.as_ref().map(read_carriers).unwrap_or_default())
    }

    /// Lists the carriers by name.
    pub async fn latest_carriers(&self) -> Result<Vec<Carrier>, StoreError> {
        let mut carriers = Vec::new();
        for name in self.latest_carrier_names().await? {
            carriers.extend(self.latest_carrier(name).await?);
        }
        Ok(carriers)
    }

    /// Adds a carrier. Returns whether the name was free.
    pub async fn add_carrier(&self, name: CarrierName, settings: &CarrierSettings) -> Result<bool, StoreError> {
        self.list_carrier(name).await?;
        let is_new = self.put_new(keys::carrier(name), item_of(settings)?).await?.is_none();
        // An operator who removed the carrier at the same time may have taken the name off the list.
        self.list_carrier(name).await?;
        Ok(is_new)
    }

    pub(in crate::store::dynamo) async fn list_carrier(&self, name: CarrierName) -> Result<(), StoreError> {
        let listed = self.update(keys::CARRIERS.to_owned()).set(&keys::carrier(name), AttributeValue::Bool(true));
        listed.send(CHANGE).await.map(drop)
    }

    /// Changes a carrier's settings and returns them, or `None` if there is no such carrier of that vendor: the
    /// change was checked for that vendor.
    ///
    /// # Errors
    /// Also [`StoreError::Unavailable`] if other operators changed its sender IDs on every attempt.
    pub async fn change_carrier(
        &self,
        Carrier { name, settings: CarrierSettings { vendor, .. } }: &Carrier,
        change: &CarrierChange,
    ) -> Result<Option<Carrier>, StoreError> {
        let (name, vendor) = (*name, *vendor);
        for _ in 0..TRIES {
            let read = self.latest_carrier(name).await?.filter(|read| read.settings.vendor == vendor);
            let Some(read) = read else { return Ok(None) };
            let settings = change.applied_to(&read.settings);
            if settings == read.settings {
                // DynamoDB refuses an empty update expression.
                return Ok(Some(read));
            }
            let mut update = self
                .update(keys::carrier(name))
                .expect(keys::VENDOR, string(vendor.into_str()))
                .set_if_given(keys::ENDPOINT, change.endpoint.as_ref().map(|endpoint| string(endpoint.as_str())))
                .set_if_given(keys::WEBHOOK_URL, change.webhook_url.as_ref().map(|url| string(url.as_str())))
                .set_if_given(keys::TIMEOUT_MS, change.timeout_ms.map(number))
                .set_if_given(keys::LOOKUP, change.lookup.map(AttributeValue::Bool))
                .set_if_given(keys::RECEIPTS_BY_ID, change.receipts_by_id.map(AttributeValue::Bool));
            update = match change.country_code {
                None => update,
                Some(None) => update.remove(keys::COUNTRY_CODE),
                Some(Some(code)) => update.set(keys::COUNTRY_CODE, string(code.to_string())),
            };
            if read.settings.sender_ids != settings.sender_ids {
                update = with_sender_ids(update, &read.settings.sender_ids, &settings.sender_ids)?;
            }
            match update.send(CHANGE).await? {
                UpdateResult::Applied(item) => {
                    let settings = from_item(item).map_err(unreadable)?;
                    return Ok(Some(Carrier { name, settings }));
                }
                UpdateResult::Conflict(_) => {}
                UpdateResult::NotFound => return Ok(None),
            }
        }
        Err(StoreError::Unavailable { action: CHANGE, source: "lost every race to change it".into() })
    }

    /// Removes a carrier's settings. Its messages keep the name.
    pub async fn remove_carrier(&self, name: CarrierName) -> Result<(), StoreError> {
        self.delete_item(keys::carrier(name)).await?;
        let unlisted = self.update(keys::CARRIERS.to_owned()).remove(&keys::carrier(name));
        unlisted.send(CHANGE).await.map(drop)
    }
}

/// Replaces the sender IDs, if they are still those of `before`. No IDs are an absent attribute.
fn with_sender_ids(update: Update, before: &SenderTable, after: &SenderTable) -> Result<Update, StoreError> {
    let written = |table: &SenderTable| to_attribute_value(table).map_err(unreadable);
    let update =
        if after.is_empty() { update.remove(keys::SENDER_IDS) } else { update.set(keys::SENDER_IDS, written(after)?) };
    Ok(if before.is_empty() {
        update.expect_absent(keys::SENDER_IDS)
    } else {
        update.expect(keys::SENDER_IDS, written(before)?)
    })
}
