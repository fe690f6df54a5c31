//! [`Recipients`] on DynamoDB: an item per number. Each lock and opt-out is an attribute, so one condition
//! can check several, and a new number needs no item first.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{
    DynamoStore, Item, batch,
    change::{Update, UpdateResult},
    keys,
    messages::millis,
    number, string, unavailable,
};
use crate::{
    domain::{AccountId, Keyword, PhoneNumber, Recipient, SenderId},
    store::{Freshness, KeywordOrder, Recipients, StoreError},
};

const SET: &str = "set an opt-out";
const LIFT: &str = "lift an opt-out";

impl DynamoStore {
    fn recipients_table(&self) -> Result<&str, StoreError> {
        self.tables.recipients.as_deref().ok_or_else(|| StoreError::Unavailable {
            action: "read recipients",
            source: "this function may not use the table".into(),
        })
    }

    fn update_number(&self, to: &PhoneNumber) -> Result<Update, StoreError> {
        Ok(Update::of(&self.client, self.recipients_table()?, keys::NUMBER, to.digits()))
    }

    /// Builds an update that locks sender and account to each other.
    fn update_lock(&self, to: &PhoneNumber, account: &AccountId, sender: &SenderId) -> Result<Update, StoreError> {
        let lock = LockAttributes::of(account, sender);
        let update = self.update_number(to)?.set(&lock.sender_of, string(sender.as_str()));
        Ok(update.set(&lock.account_of, string(account.as_str())))
    }

    fn update_recipient(&self, order: &KeywordOrder<'_>) -> Result<Update, StoreError> {
        self.update_number(order.number)
    }

    /// Returns the recipient after an update, whether or not it was applied.
    async fn recipient_after(&self, to: &PhoneNumber, result: UpdateResult) -> Result<Recipient, StoreError> {
        match result {
            UpdateResult::Applied(item) | UpdateResult::Conflict(item) => read(&item),
            // Some engines refuse without returning the existing item.
            UpdateResult::NotFound => self.recipient(to).await,
        }
    }
}

/// The names of a lock's attributes.
struct LockAttributes {
    sender_of: String,
    account_of: String,
    unused: String,
}

impl LockAttributes {
    fn of(account: &AccountId, sender: &SenderId) -> Self {
        Self {
            sender_of: format!("{}{account}", keys::SENDER_OF),
            account_of: format!("{}{sender}", keys::ACCOUNT_OF),
            unused: format!("{}{sender}", keys::UNUSED),
        }
    }
}

impl Recipients for DynamoStore {
    async fn recipient(&self, to: &PhoneNumber) -> Result<Recipient, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(self.recipients_table()?)
            .key(keys::NUMBER, string(to.digits()))
            .consistent_read(true);
        let answer = request.send().await.map_err(unavailable("read a recipient"))?;
        answer.item.as_ref().map_or_else(|| Ok(Recipient::default()), read)
    }

    async fn recipients(&self, numbers: &[PhoneNumber]) -> Result<HashMap<PhoneNumber, Recipient>, StoreError> {
        let wanted = numbers.iter().map(|number| number.digits().to_owned()).collect();
        let items = batch::get(&self.client, self.recipients_table()?, keys::NUMBER, wanted, Freshness::Recent).await?;
        let mut found = HashMap::new();
        for item in &items {
            let digits = item.get(keys::NUMBER).and_then(|number| number.as_s().ok());
            let number = digits.and_then(|digits| digits.parse::<PhoneNumber>().ok());
            found.insert(number.ok_or_else(|| unreadable("number"))?, read(item)?);
        }
        Ok(found)
    }

    async fn lock(
        &self,
        to: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        reserved_until: Timestamp,
    ) -> Result<Recipient, StoreError> {
        let lock = LockAttributes::of(account, sender);
        let update = self
            .update_lock(to, account, sender)?
            .set(&lock.unused, millis(reserved_until))
            .expect_absent(&lock.sender_of)
            .expect_absent(&lock.account_of);
        self.recipient_after(to, update.send("lock a sender").await?).await
    }

    async fn take_over(
        &self,
        to: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        holder: &AccountId,
        now: Timestamp,
        reserved_until: Timestamp,
    ) -> Result<Recipient, StoreError> {
        let lock = LockAttributes::of(account, sender);
        let update = self
            .update_lock(to, account, sender)?
            .set(&lock.unused, millis(reserved_until))
            .remove(&LockAttributes::of(holder, sender).sender_of)
            .expect(&lock.account_of, string(holder.as_str()))
            .expect_at_most(&lock.unused, millis(now))
            .expect_absent(&lock.sender_of);
        self.recipient_after(to, update.send("take over a lock").await?).await
    }

    async fn reserve(
        &self,
        to: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        reserved_until: Timestamp,
    ) -> Result<Recipient, StoreError> {
        let lock = LockAttributes::of(account, sender);
        let update = self
            .update_number(to)?
            .set(&lock.unused, millis(reserved_until))
            .expect(&lock.account_of, string(account.as_str()))
            .expect_at_most(&lock.unused, millis(reserved_until));
        self.recipient_after(to, update.send("reserve a lock").await?).await
    }

    async fn use_lock(&self, to: &PhoneNumber, account: &AccountId, sender: &SenderId) -> Result<bool, StoreError> {
        let lock = LockAttributes::of(account, sender);
        let update = self
            .update_lock(to, account, sender)?
            .remove(&lock.unused)
            .expect_no_other(&lock.sender_of, string(sender.as_str()))
            .expect_no_other(&lock.account_of, string(account.as_str()));
        let recipient = self.recipient_after(to, update.send("use a lock").await?).await?;
        Ok(recipient.conversation_of(sender) == Some(account))
    }

    async fn release_lock(
        &self,
        to: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        even_used: bool,
    ) -> Result<bool, StoreError> {
        let lock = LockAttributes::of(account, sender);
        let mut update = self.update_number(to)?.expect(&lock.account_of, string(account.as_str()));
        if !even_used {
            update = update.expect_present(&lock.unused);
        }
        update = update.remove(&lock.sender_of).remove(&lock.account_of).remove(&lock.unused);
        let recipient = self.recipient_after(to, update.send("release a lock").await?).await?;
        Ok(recipient.account_of.get(sender) != Some(account))
    }

    async fn opt_out(&self, order: &KeywordOrder<'_>) -> Result<bool, StoreError> {
        let [stop, stop_by, start, _] = keys::opt_out(order.sender);
        let (at, by) = (number(order.at.as_millisecond()), string(order.reply.to_string()));
        // Ignore a STOP older than the last START, or whose opt-out a START has lifted.
        let newer = |update: Update| update.expect_none_above(&start, at.clone()).expect_other(&stop_by, by.clone());
        let update = self.update_recipient(order)?.set(&stop, at.clone()).set(&stop_by, by.clone());
        match newer(update.expect_absent(&stop)).send(SET).await? {
            UpdateResult::Applied(_) => return Ok(true),
            UpdateResult::Conflict(item) if item.contains_key(&stop) && is_by(&item, &stop_by, order) => {
                return Ok(true);
            }
            UpdateResult::Conflict(_) | UpdateResult::NotFound => {}
        }
        // The later STOP counts. This also restores an opt-out that a START lifted between the two writes.
        let update = self.update_recipient(order)?.set(&stop, at.clone()).expect_none_above(&stop, at.clone());
        newer(update).send(SET).await?;
        Ok(false)
    }

    async fn opt_in(&self, order: &KeywordOrder<'_>) -> Result<bool, StoreError> {
        let [stop, _, start, start_by] = keys::opt_out(order.sender);
        let (at, by) = (number(order.at.as_millisecond()), string(order.reply.to_string()));
        let update = self.update_recipient(order)?.remove(&stop).set(&start, at.clone()).set(&start_by, by.clone());
        match update.expect_at_most(&stop, at.clone()).expect_other(&start_by, by).send(LIFT).await? {
            UpdateResult::Applied(_) => return Ok(true),
            UpdateResult::Conflict(item) if !item.contains_key(&stop) && is_by(&item, &start_by, order) => {
                return Ok(true);
            }
            UpdateResult::Conflict(_) | UpdateResult::NotFound => {}
        }
        // Record the time even so, because carriers may redeliver an older STOP, which must be ignored.
        self.update_recipient(order)?.set(&start, at.clone()).expect_none_above(&start, at).send(LIFT).await?;
        Ok(false)
    }

    async fn opt_out_of_account(&self, to: &PhoneNumber, account: &AccountId, at: Timestamp) -> Result<(), StoreError> {
        let (attribute, at) = (keys::out_of_account(account), millis(at));
        let update = self.update_number(to)?.set(&attribute, at.clone()).expect_none_above(&attribute, at);
        update.send(SET).await.map(drop)
    }

    async fn claim_auto_reply(
        &self,
        order: &KeywordOrder<'_>,
        keyword: Keyword,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let attribute = keys::answered(keyword, order.sender);
        // 13 digits, to sort as strings.
        let time = |at: Timestamp| format!("{:013}", at.as_millisecond());
        let update =
            self.update_recipient(order)?.set(&attribute, string(format!("{} {}", time(order.at), order.reply)));
        Ok(match update.expect_none_above(&attribute, string(time(since))).send("claim an automatic reply").await? {
            UpdateResult::Applied(_) => true,
            UpdateResult::Conflict(item) => {
                let answered = item.get(&attribute).and_then(|answered| answered.as_s().ok());
                answered.is_some_and(|answered| answered.ends_with(&order.reply.to_string()))
            }
            UpdateResult::NotFound => false,
        })
    }
}

/// Returns whether this reply made the last such change.
fn is_by(item: &Item, by: &str, order: &KeywordOrder<'_>) -> bool {
    item.get(by).and_then(|by| by.as_s().ok()).is_some_and(|by| *by == order.reply.to_string())
}

fn read(item: &Item) -> Result<Recipient, StoreError> {
    let mut recipient = Recipient::default();
    for (attribute, value) in item {
        let text = || value.as_s().map_err(|_| unreadable("a lock is not a string"));
        if let Some(account) = attribute.strip_prefix(keys::SENDER_OF) {
            let account = account.parse::<AccountId>().map_err(unreadable)?;
            recipient.sender_of.insert(account, text()?.parse::<SenderId>().map_err(unreadable)?);
        } else if let Some(sender) = attribute.strip_prefix(keys::ACCOUNT_OF) {
            let sender = sender.parse::<SenderId>().map_err(unreadable)?;
            recipient.account_of.insert(sender, text()?.parse::<AccountId>().map_err(unreadable)?);
        } else if let Some(sender) = attribute.strip_prefix(keys::UNUSED) {
            recipient.reserved_until.insert(sender.parse::<SenderId>().map_err(unreadable)?, read_time(value)?);
        } else if let Some(sender) = attribute.strip_prefix(keys::OPT_OUT) {
            recipient.opt_outs.insert(sender.parse::<SenderId>().map_err(unreadable)?);
        } else if let Some(sender) = attribute.strip_prefix(keys::OPT_IN) {
            recipient.opted_in_at.insert(sender.parse::<SenderId>().map_err(unreadable)?, read_time(value)?);
        } else if let Some(account) = attribute.strip_prefix(keys::OUT_OF_ACCOUNT) {
            recipient.out_of_accounts.insert(account.parse::<AccountId>().map_err(unreadable)?, read_time(value)?);
        }
    }
    Ok(recipient)
}

fn read_time(value: &AttributeValue) -> Result<Timestamp, StoreError> {
    let millis = value.as_n().ok().and_then(|millis| millis.parse().ok());
    millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()).ok_or_else(|| unreadable("a time"))
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("recipient", reason)
}
