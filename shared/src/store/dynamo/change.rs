//! Conditional updates. On a conflict, the result holds the item as stored.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::{Item, keys, message_item, number, string, unavailable};
use crate::{
    domain::{Attempt, Message, MessageId, Progress, ReceiptStatus, StateChange},
    store::StoreError,
};

/// An update under construction: collects clauses and sends them as a single request.
pub(super) struct Update {
    request: UpdateItemFluentBuilder,
    sets: Vec<String>,
    adds: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

pub(super) enum UpdateResult {
    Applied(Item),
    Conflict(Item),
    NotFound,
}

impl Update {
    pub(super) fn of(client: &Client, table: &str, key: &str, value: impl Into<String>) -> Self {
        let request = client
            .update_item()
            .table_name(table)
            .key(key, string(value))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Self {
            request,
            sets: Vec::new(),
            adds: Vec::new(),
            removes: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        }
    }

    pub(super) fn of_message(client: &Client, table: &str, id: MessageId) -> Self {
        Self::of(client, table, keys::ID, id.to_string())
    }

    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    pub(super) fn set(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    pub(super) fn set_if_given(self, attribute: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(attribute, value),
            None => self,
        }
    }

    /// Sets the attribute, or removes it without a value.
    pub(super) fn set_or_remove(self, attribute: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(attribute, value),
            None => self.remove(attribute),
        }
    }

    /// Sets the attribute if absent.
    pub(super) fn set_once(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    /// Adds to a counter, which starts at 0.
    pub(super) fn count(mut self, attribute: &str, amount: i64) -> Self {
        let (name, amount) = (self.name(attribute), self.value(number(amount)));
        self.adds.push(format!("{name} {amount}"));
        self
    }

    pub(super) fn add(mut self, attribute: &str, amount: i64) -> Self {
        let (name, amount) = (self.name(attribute), self.value(number(amount)));
        self.sets.push(format!("{name} = {name} + {amount}"));
        self
    }

    /// Appends to a list, which may be absent.
    pub(super) fn append(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, more) = (self.name(attribute), self.value(AttributeValue::L(vec![value])));
        let none = self.value(AttributeValue::L(Vec::new()));
        self.sets.push(format!("{name} = list_append(if_not_exists({name}, {none}), {more})"));
        self
    }

    /// Sets the state and appends to the history.
    pub(super) fn transition(mut self, progress: Progress, state_change: &StateChange) -> Result<Self, StoreError> {
        let state_change = AttributeValue::L(vec![message_item::write_state_change(state_change)?]);
        let (history, state_change) = (self.name(keys::HISTORY), self.value(state_change));
        self.sets.push(format!("{history} = list_append({history}, {state_change})"));
        Ok(self.set(keys::STATE, string(progress.into_str())))
    }

    pub(super) fn append_attempts(mut self, attempts: &[Attempt]) -> Result<Self, StoreError> {
        if attempts.is_empty() {
            return Ok(self);
        }
        let (name, more) = (self.name(keys::FAILED_ATTEMPTS), self.value(message_item::write_attempts(attempts)?));
        let none = self.value(AttributeValue::L(Vec::new()));
        self.sets.push(format!("{name} = list_append(if_not_exists({name}, {none}), {more})"));
        Ok(self)
    }

    /// Adds the item to the index `wake`.
    pub(super) fn wake(self, id: Uuid, at: AttributeValue) -> Self {
        self.set(keys::WAKE_SHARD, number(keys::wake_shard(id))).set(keys::WAKE_AT, at)
    }

    pub(super) fn remove_history_entry(mut self, index: usize) -> Self {
        let history = self.name(keys::HISTORY);
        self.removes.push(format!("{history}[{index}]"));
        self
    }

    pub(super) fn remove(mut self, attribute: &str) -> Self {
        let name = self.name(attribute);
        self.removes.push(name);
        self
    }

    /// Removes the item from the index `wake`.
    pub(super) fn clear_wake(self) -> Self {
        self.remove(keys::WAKE_SHARD).remove(keys::WAKE_AT)
    }

    /// Removes the message from its line.
    pub(super) fn leave_line(self) -> Self {
        self.remove(keys::LINE).remove(keys::LINE_AT)
    }

    pub(super) fn expect(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("{name} = {value}"));
        self
    }

    pub(super) fn expect_above(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("{name} > {value}"));
        self
    }

    pub(super) fn expect_at_most(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("{name} <= {value}"));
        self
    }

    pub(super) fn expect_none_above(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} <= {value})"));
        self
    }

    pub(super) fn expect_none_below(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} >= {value})"));
        self
    }

    /// Expects a list with fewer entries than `than`, or no list.
    pub(super) fn expect_shorter(mut self, attribute: &str, than: usize) -> Self {
        let (name, than) = (self.name(attribute), self.value(number(than)));
        self.conditions.push(format!("(attribute_not_exists({name}) OR size({name}) < {than})"));
        self
    }

    /// Expects another value, or none.
    pub(super) fn expect_other(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} <> {value})"));
        self
    }

    /// Expects this value, or none.
    pub(super) fn expect_no_other(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} = {value})"));
        self
    }

    pub(super) fn expect_absent(mut self, attribute: &str) -> Self {
        let name = self.name(attribute);
        self.conditions.push(format!("attribute_not_exists({name})"));
        self
    }

    pub(super) fn expect_present(mut self, attribute: &str) -> Self {
        let name = self.name(attribute);
        self.conditions.push(format!("attribute_exists({name})"));
        self
    }

    /// Expects a state from which `next` may follow.
    pub(super) fn expect_before(mut self, next: Progress) -> Self {
        let state = self.name(keys::STATE);
        let before = Progress::iter().filter(|before| next.follows(*before));
        let before: Vec<_> = before.map(|before| self.value(string(before.into_str()))).collect();
        self.conditions.push(format!("{state} IN ({})", before.join(", ")));
        self
    }

    /// Expects the message's current channel; an absent index is 0.
    pub(super) fn expect_channel_index(mut self, channel_index: u8) -> Self {
        let (name, value) = (self.name(keys::CHANNEL_INDEX), self.value(AttributeValue::N(channel_index.to_string())));
        self.conditions.push(match channel_index {
            0 => format!("(attribute_not_exists({name}) OR {name} = {value})"),
            _ => format!("{name} = {value}"),
        });
        self
    }

    /// Expects no valid lease at `now`.
    pub(super) fn expect_not_held(mut self, now: AttributeValue) -> Self {
        let (lease, now) = (self.name(keys::LEASE), self.value(now));
        self.conditions.push(format!("(attribute_not_exists({lease}) OR {lease} <= {now})"));
        self
    }

    /// Expects a scheduled message to be due.
    pub(super) fn expect_due(mut self, by: AttributeValue) -> Self {
        let (state, send_at) = (self.name(keys::STATE), self.name(keys::SEND_AT));
        let (scheduled, by) = (self.value(string(Progress::Scheduled.into_str())), self.value(by));
        self.conditions.push(format!("({state} <> {scheduled} OR {send_at} <= {by})"));
        self
    }

    /// Expects no receipt but *sent*.
    pub(super) fn expect_no_final_receipt(mut self) -> Self {
        for status in ReceiptStatus::iter().filter(|status| *status != ReceiptStatus::Sent) {
            self = self.expect_absent(keys::receipt(status));
        }
        self
    }

    pub(super) async fn send(self, action: &'static str) -> Result<UpdateResult, StoreError> {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &self.sets) + &clause("ADD", &self.adds) + &clause("REMOVE", &self.removes);
        let condition = (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "));
        let request = self.request.update_expression(expression).set_condition_expression(condition);
        let request = request.set_expression_attribute_names((!self.names.is_empty()).then_some(self.names));
        let request = request.set_expression_attribute_values((!self.values.is_empty()).then_some(self.values));
        match request.send().await {
            Ok(answer) => Ok(UpdateResult::Applied(answer.attributes.unwrap_or_default())),
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => {
                match failure.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => {
                        Ok(failed.item.map_or(UpdateResult::NotFound, UpdateResult::Conflict))
                    }
                    other => Err(unavailable(action)(other)),
                }
            }
            Err(error) => Err(unavailable(action)(error)),
        }
    }
}

pub(super) fn message(item: Item) -> Result<Box<Message>, StoreError> {
    message_item::read(item).map(Box::new)
}
