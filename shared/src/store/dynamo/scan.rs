//! Scans of the table of messages, a page at a time. A page may be empty and still have a next page.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use strum::IntoEnumIterator;

use super::{
    DynamoStore, Item, directory::account_in, due_work::time_in, keys, lanes::lane_in, message_item, string,
    unavailable,
};
use crate::{
    domain::{AccountId, CarrierName, Message, MessageId, Progress, ReceiptStatus},
    store::{Bookmark, StoreError, Unfinished},
};

/// A scan's filter and result. In the filter, `#` begins an attribute's name.
pub(super) struct Scan<'a> {
    pub(super) action: &'static str,
    pub(super) filter: &'a str,
    pub(super) values: HashMap<String, AttributeValue>,
    /// Attributes to return; all if empty.
    pub(super) returned: &'a [&'a str],
}

impl Scan<'_> {
    /// Returns the attributes of filter and result. DynamoDB refuses a name that is not used.
    fn attributes(&self) -> BTreeSet<&str> {
        let end = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let filtered = self.filter.split('#').skip(1).map(|rest| &rest[..end(rest)]);
        filtered.chain(self.returned.iter().copied()).collect()
    }
}

impl DynamoStore {
    /// Returns a page of the items that pass the filter, and the bookmark for the next.
    pub(super) async fn scan_page(
        &self,
        scan: Scan<'_>,
        after: Option<Bookmark>,
    ) -> Result<(Vec<Item>, Option<Bookmark>), StoreError> {
        let names = scan.attributes().into_iter().map(|name| (format!("#{name}"), name.to_owned())).collect();
        let returned: Vec<_> = scan.returned.iter().map(|name| format!("#{name}")).collect();
        let request = self
            .client
            .scan()
            .table_name(&self.tables.messages)
            .filter_expression(scan.filter)
            .set_projection_expression((!returned.is_empty()).then(|| returned.join(", ")))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(scan.values))
            .set_exclusive_start_key(after.map(|Bookmark(id)| Item::from([(keys::ID.to_owned(), string(id))])));
        let answer = request.send().await.map_err(unavailable(scan.action))?;
        let next = answer.last_evaluated_key.as_ref().and_then(|key| key.get(keys::ID)?.as_s().ok().cloned());
        Ok((answer.items.unwrap_or_default(), next.map(Bookmark)))
    }

    /// Scans for queued and submitting messages, of all accounts or one.
    pub(super) async fn scan_unfinished(
        &self,
        account: Option<&AccountId>,
        after: Option<Bookmark>,
    ) -> Result<(Vec<Unfinished>, Option<Bookmark>), StoreError> {
        let state = |name: &str, progress: Progress| (name.to_owned(), string(progress.into_str()));
        let mut values =
            HashMap::from([state(":queued", Progress::Queued), state(":submitting", Progress::Submitting)]);
        values.extend(account.map(|account| (":account".to_owned(), string(account.as_str()))));
        let of_account = account.map_or_else(String::new, |_| format!(" AND #{} = :account", keys::ACCOUNT));
        let filter = format!("#{} IN (:queued, :submitting){of_account}", keys::STATE);
        let scan = Scan {
            action: "scan for unfinished messages",
            filter: &filter,
            values,
            returned: &[keys::ID, keys::ACCOUNT, keys::LANE, keys::LINE, keys::RETRY_AT, keys::WAKE_AT],
        };
        let (found, next) = self.scan_page(scan, after).await?;
        let read = |item: &Item| {
            let message = item.get(keys::ID)?.as_s().ok()?.parse::<MessageId>().ok()?;
            let (account, lane) = (account_in(item).ok()??, lane_in(item).unwrap_or_default());
            let [retry_at, wake_at] = [keys::RETRY_AT, keys::WAKE_AT].map(|name| time_in(item, name));
            let line = item.get(keys::LINE).and_then(|line| keys::parse_line(line.as_s().ok()?));
            Some(Unfinished { message, account, lane, line, wake_at, retry_at })
        };
        Ok((found.iter().filter_map(read).collect(), next))
    }

    /// Scans for queued and submitted messages without a final receipt that have the carrier, have none recorded,
    /// or had an earlier attempt with any.
    pub async fn open_messages(
        &self,
        carrier: CarrierName,
        after: Option<Bookmark>,
    ) -> Result<(Vec<Message>, Option<Bookmark>), StoreError> {
        let open = [Progress::Queued, Progress::Submitting, Progress::Unknown, Progress::Submitted];
        let mut values: HashMap<_, _> =
            open.map(|progress| (format!(":{}", progress.into_str()), string(progress.into_str()))).into();
        let states = values.keys().cloned().collect::<Vec<_>>().join(", ");
        values.insert(":carrier".to_owned(), string(carrier.as_str()));
        let mut conditions = vec![
            format!("#{} IN ({states})", keys::STATE),
            format!(
                "(#{carrier} = :carrier OR attribute_not_exists(#{carrier}) OR attribute_exists(#{attempts}))",
                carrier = keys::CARRIER,
                attempts = keys::FAILED_ATTEMPTS
            ),
        ];
        let finals = ReceiptStatus::iter().filter(|status| *status != ReceiptStatus::Sent).map(keys::receipt);
        conditions.extend(finals.map(|attribute| format!("attribute_not_exists(#{attribute})")));
        let filter = conditions.join(" AND ");
        let scan = Scan { action: "scan for messages of a carrier", filter: &filter, values, returned: &[] };
        let (found, next) = self.scan_page(scan, after).await?;
        let found = found.into_iter().filter(message_item::is_message).map(message_item::read);
        Ok((found.collect::<Result<_, _>>()?, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_those_of_filter_and_result() {
        let returned = &["id", "wake_at"];
        let filter = "#state IN (:a) AND attribute_not_exists(#receipt_read) AND #id = :id";
        let scan = Scan { action: "scan", filter, values: HashMap::new(), returned };
        assert_eq!(Vec::from_iter(scan.attributes()), ["id", "receipt_read", "state", "wake_at"]);
    }
}
