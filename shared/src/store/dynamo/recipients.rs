//! [`Recipients`] on DynamoDB: one item a number. Each lock and each opt-out is
//! an attribute of its own, so that one condition can ask for two of them and a
//! number never heard of needs no item first.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    DynamoStore, Item, batch,
    change::{Answer, Update},
    keys, number, string, unavailable,
};
use crate::{
    domain::{AccountId, PhoneNumber, Recipient, SenderId},
    store::{Freshness, Recipients, StoreError},
};

impl DynamoStore {
    fn recipients_table(&self) -> Result<&str, StoreError> {
        self.tables.recipients.as_deref().ok_or_else(|| StoreError::Unavailable {
            action: "read recipients",
            source: "this function has no such table".into(),
        })
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
            let number = digits.and_then(|digits| PhoneNumber::parse(digits).ok());
            found.insert(number.ok_or_else(|| unreadable("number"))?, read(item)?);
        }
        Ok(found)
    }

    async fn lock(&self, to: &PhoneNumber, account: &AccountId, sender: &SenderId) -> Result<Recipient, StoreError> {
        let sender_of = format!("{}{account}", keys::SENDER_OF);
        let account_of = format!("{}{sender}", keys::ACCOUNT_OF);
        let update = Update::of(&self.client, self.recipients_table()?, keys::NUMBER, to.digits())
            .set(&sender_of, string(sender.as_str()))
            .set(&account_of, string(account.as_str()))
            .expect_absent(&sender_of)
            .expect_absent(&account_of);
        match update.send("lock a sender").await? {
            Answer::Made(item) | Answer::Refused(item) => read(&item),
            // Refused by an engine that does not say what it found.
            Answer::Missing => self.recipient(to).await,
        }
    }

    async fn opt_out(&self, from: &PhoneNumber, sender: &SenderId, at: Timestamp) -> Result<(), StoreError> {
        let update = Update::of(&self.client, self.recipients_table()?, keys::NUMBER, from.digits())
            .set(&format!("{}{sender}", keys::OPT_OUT), number(at.as_millisecond()));
        update.send("set an opt-out").await.map(|_| ())
    }

    async fn opt_in(&self, from: &PhoneNumber, sender: &SenderId, at: Timestamp) -> Result<(), StoreError> {
        let attribute = format!("{}{sender}", keys::OPT_OUT);
        let update = Update::of(&self.client, self.recipients_table()?, keys::NUMBER, from.digits())
            .remove(&attribute)
            .expect_at_most(&attribute, number(at.as_millisecond()));
        update.send("clear an opt-out").await.map(|_| ())
    }
}

fn read(item: &Item) -> Result<Recipient, StoreError> {
    let mut recipient = Recipient::default();
    for (attribute, value) in item {
        let text = || value.as_s().map_err(|_| unreadable(attribute));
        if let Some(account) = attribute.strip_prefix(keys::SENDER_OF) {
            let account = AccountId::parse(account).map_err(unreadable)?;
            recipient.sender_of.insert(account, SenderId::parse(text()?).map_err(unreadable)?);
        } else if let Some(sender) = attribute.strip_prefix(keys::ACCOUNT_OF) {
            let sender = SenderId::parse(sender).map_err(unreadable)?;
            recipient.account_of.insert(sender, AccountId::parse(text()?).map_err(unreadable)?);
        } else if let Some(sender) = attribute.strip_prefix(keys::OPT_OUT) {
            recipient.opt_outs.insert(SenderId::parse(sender).map_err(unreadable)?);
        }
    }
    Ok(recipient)
}

fn unreadable(fault: impl ToString) -> StoreError {
    StoreError::Unreadable { what: "recipient", fault: fault.to_string() }
}
