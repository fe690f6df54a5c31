//! Fair queues: SQS delivers messages of quiet groups before those of noisy groups.
//!
//! A message's group is its `MessageGroupId`. A message without a group is quiet. A group is noisy while it has many of
//! the queue's messages in flight, or takes much of the recent processing time. It is quiet again once none of its
//! messages waits, or it has sent none for five minutes. If only noisy groups wait, the one with the fewest messages
//! in flight comes first. Source: *Amazon SQS Developer Guide*, "How Amazon SQS fair queues work".
//!
//! AWS does not say how long *recent* is; we take a minute.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use winterbaume_sqs::state::{QueueState, SqsState};
use winterbaume_sqs::types::Message;

/// A group is noisy above this share of the messages in flight, in percent, if it has at least `NOISY_IN_FLIGHT` there.
const NOISY_PERCENT: u64 = 10;
const NOISY_IN_FLIGHT: u64 = 30;
/// A noisy group that has sent no message for this long is quiet.
const QUIET_AFTER_MS: i64 = 5 * 60 * 1_000;
const RECENT_MS: i64 = 60 * 1_000;

type Group = Arc<str>;

/// The groups of all queues' messages. Times are the emulator's, in milliseconds.
#[derive(Default)]
pub(super) struct Fairness {
    /// By message ID.
    groups: HashMap<String, Group>,
    /// By queue name.
    queues: HashMap<String, QueueUse>,
}

#[derive(Default)]
struct QueueUse {
    groups: HashMap<Group, GroupUse>,
    /// By receipt handle.
    in_flight: HashMap<String, InFlight>,
    /// The latest processed messages: when each ended, and how long it took.
    processed: VecDeque<(i64, Group, i64)>,
}

#[derive(Default)]
struct GroupUse {
    /// Messages in the queue, also in flight and delayed.
    messages: u64,
    last_sent_ms: i64,
    noisy: bool,
}

struct InFlight {
    message: String,
    group: Option<Group>,
    since_ms: i64,
    until_ms: i64,
}

impl Fairness {
    /// Records a sent message.
    pub(super) fn sent(&mut self, queue: &str, message: &str, group: &str, now_ms: i64) {
        let queue = self.queues.entry(queue.to_owned()).or_default();
        let known = queue.groups.get_key_value(group).map(|(group, _)| Arc::clone(group));
        let group = known.unwrap_or_else(|| Group::from(group));
        let used = queue.groups.entry(Arc::clone(&group)).or_default();
        used.messages += 1;
        used.last_sent_ms = now_ms;
        self.groups.insert(message.to_owned(), group);
    }

    /// Moves the messages that a receive should take to the front of the queue.
    pub(super) fn order(&mut self, name: &str, queue: &mut QueueState, most: usize, machine_now_ms: i64, now_ms: i64) {
        let Some(used) = self.queues.get_mut(name) else { return };
        if used.groups.len() < 2 {
            return;
        }
        used.judge(now_ms);
        if !used.groups.values().any(|group| group.noisy) {
            return;
        }
        let mut waiting = Waiting::default();
        for (index, message) in queue.messages.iter().enumerate() {
            if message.visible_at > machine_now_ms {
                continue;
            }
            match self.groups.get(&message.message_id).filter(|group| used.is_noisy(group)) {
                Some(group) => {
                    let of_group = waiting.noisy.entry(Arc::clone(group)).or_default();
                    if of_group.len() < most {
                        of_group.push_back(index);
                    }
                }
                None => waiting.quiet.push_back(index),
            }
            if waiting.quiet.len() == most {
                break;
            }
        }
        let chosen = waiting.choose(most, &used.in_flight_by_group(now_ms));
        move_to_front(&mut queue.messages, &chosen);
    }

    /// Records received messages, which are then in flight.
    pub(super) fn received(&mut self, queue: &str, messages: &[Message], visibility_seconds: u32, now_ms: i64) {
        let used = self.queues.entry(queue.to_owned()).or_default();
        for message in messages {
            let Some(handle) = message.receipt_handle.clone() else { continue };
            let in_flight = InFlight {
                message: message.message_id.clone(),
                group: self.groups.get(&message.message_id).cloned(),
                since_ms: now_ms,
                until_ms: now_ms + i64::from(visibility_seconds) * 1_000,
            };
            used.in_flight.insert(handle, in_flight);
        }
    }

    /// Records the end of a message.
    pub(super) fn deleted(&mut self, queue: &str, handle: &str, now_ms: i64) {
        let Some(used) = self.queues.get_mut(queue) else { return };
        let Some(ended) = used.in_flight.remove(handle) else { return };
        used.in_flight.retain(|_, other| other.message != ended.message);
        self.groups.remove(&ended.message);
        let Some(group) = ended.group else { return };
        used.forget_old(now_ms);
        used.processed.push_back((now_ms, Arc::clone(&group), now_ms - ended.since_ms));
        if let Some(of_group) = used.groups.get_mut(&group) {
            of_group.messages = of_group.messages.saturating_sub(1);
        }
    }

    /// Changes until when a message is in flight.
    pub(super) fn visibility_changed(&mut self, queue: &str, handle: &str, seconds: u32, now_ms: i64) {
        if let Some(in_flight) = self.queues.get_mut(queue).and_then(|used| used.in_flight.get_mut(handle)) {
            in_flight.until_ms = now_ms + i64::from(seconds) * 1_000;
        }
    }

    /// Counts the messages again, after some were moved between queues or purged.
    pub(super) fn recount(&mut self, state: &SqsState) {
        let stored = state.queues.values().flat_map(|queue| &queue.messages);
        let stored: HashSet<_> = stored.map(|message| message.message_id.as_str()).collect();
        self.groups.retain(|message, _| stored.contains(message.as_str()));
        for (name, queue) in &state.queues {
            let used = self.queues.entry(name.clone()).or_default();
            let here: HashSet<_> = queue.messages.iter().map(|message| message.message_id.as_str()).collect();
            used.in_flight.retain(|_, in_flight| here.contains(in_flight.message.as_str()));
            for group in used.groups.values_mut() {
                group.messages = 0;
            }
            for group in here.iter().filter_map(|message| self.groups.get(*message)) {
                used.groups.entry(Arc::clone(group)).or_default().messages += 1;
            }
        }
    }
}

impl QueueUse {
    /// Decides which groups are noisy.
    fn judge(&mut self, now_ms: i64) {
        self.forget_old(now_ms);
        let in_flight = self.in_flight_by_group(now_ms);
        let all_in_flight = in_flight.values().sum::<u64>();
        let times = self.processing_times(now_ms);
        let all_times = times.values().sum::<u64>();
        let is_above = |part: u64, of: u64| part * 100 > of * NOISY_PERCENT;
        self.groups.retain(|_, used| used.messages > 0 || now_ms - used.last_sent_ms < QUIET_AFTER_MS);
        for (group, used) in &mut self.groups {
            let mine = in_flight.get(group).copied().unwrap_or_default();
            let time = times.get(group).copied().unwrap_or_default();
            let has_many = mine >= NOISY_IN_FLIGHT && is_above(mine, all_in_flight);
            let is_over = used.messages <= mine || now_ms - used.last_sent_ms >= QUIET_AFTER_MS;
            used.noisy = !is_over && (used.noisy || has_many || is_above(time, all_times));
        }
    }

    fn forget_old(&mut self, now_ms: i64) {
        while self.processed.front().is_some_and(|(ended, ..)| now_ms - ended > RECENT_MS) {
            self.processed.pop_front();
        }
    }

    fn is_noisy(&self, group: &Group) -> bool {
        self.groups.get(group).is_some_and(|used| used.noisy)
    }

    fn in_flight_by_group(&self, now_ms: i64) -> HashMap<Group, u64> {
        let mut counts = HashMap::new();
        let current = self.in_flight.values().filter(|in_flight| in_flight.until_ms > now_ms);
        for group in current.filter_map(|in_flight| in_flight.group.clone()) {
            *counts.entry(group).or_default() += 1;
        }
        counts
    }

    /// Returns each group's recent processing time, with that of its messages in flight.
    fn processing_times(&self, now_ms: i64) -> HashMap<Group, u64> {
        let ended = self.processed.iter().map(|(_, group, took)| (group, *took));
        let current = self.in_flight.values().filter(|in_flight| in_flight.until_ms > now_ms);
        let current = current.filter_map(|in_flight| Some((in_flight.group.as_ref()?, now_ms - in_flight.since_ms)));
        let mut times = HashMap::new();
        for (group, took) in ended.chain(current) {
            *times.entry(Arc::clone(group)).or_default() += u64::try_from(took).unwrap_or_default();
        }
        times
    }
}

/// The indexes of visible messages.
#[derive(Default)]
struct Waiting {
    quiet: VecDeque<usize>,
    noisy: HashMap<Group, VecDeque<usize>>,
}

impl Waiting {
    /// Returns the indexes of the next messages, in their order of delivery.
    fn choose(mut self, most: usize, in_flight: &HashMap<Group, u64>) -> Vec<usize> {
        let mut chosen: Vec<_> = self.quiet.drain(..).collect();
        let mut in_flight = in_flight.clone();
        while chosen.len() < most {
            let load = |group: &Group| in_flight.get(group).copied().unwrap_or_default();
            let next = self.noisy.iter().filter_map(|(group, waiting)| Some((load(group), *waiting.front()?, group)));
            let Some((_, index, group)) = next.min() else { break };
            let group = Arc::clone(group);
            chosen.push(index);
            *in_flight.entry(Arc::clone(&group)).or_default() += 1;
            if let Some(waiting) = self.noisy.get_mut(&group) {
                waiting.pop_front();
            }
        }
        chosen
    }
}

/// Moves the items at these indexes to the front, in this order.
fn move_to_front<T>(items: &mut Vec<T>, indexes: &[usize]) {
    let mut places: Vec<_> = indexes.iter().copied().enumerate().collect();
    places.sort_by_key(|(_, index)| std::cmp::Reverse(*index));
    let mut taken: Vec<_> = places.into_iter().map(|(place, index)| (place, items.remove(index))).collect();
    taken.sort_by_key(|(place, _)| *place);
    items.splice(0..0, taken.into_iter().map(|(_, item)| item));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_messages_come_first_in_their_order() {
        let mut items = (0..8).collect::<Vec<_>>();
        move_to_front(&mut items, &[6, 2, 3]);
        assert_eq!(items, [6, 2, 3, 0, 1, 4, 5, 7]);
    }

    #[test]
    fn noisy_groups_take_turns_behind_the_quiet() {
        let group = |name: &str| Group::from(name);
        let waiting =
            Waiting { quiet: [9].into(), noisy: [(group("a"), [0, 1, 2].into()), (group("b"), [3, 4].into())].into() };
        let in_flight = HashMap::from([(group("a"), 1), (group("b"), 0)]);
        assert_eq!(waiting.choose(5, &in_flight), [9, 3, 0, 4, 1]);
    }
}
