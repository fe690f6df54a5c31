//! The order in which a dealer picks messages: by lane, then by account, then by position on the line.

use std::collections::{HashMap, HashSet, VecDeque};

use strum::IntoEnumIterator;

use crate::{
    domain::{Lane, Line},
    store::LineEntry,
};

/// The share of each lane, in tenths, while all have messages. Without messages in a lane, the others share its part.
fn share(lane: Lane) -> i32 {
    match lane {
        Lane::Urgent => 6,
        Lane::Normal => 3,
        Lane::Bulk => 1,
    }
}

/// A sender's lines, and the messages read from them.
pub(super) struct Rotation {
    lanes: [LaneRotation; 3],
    /// Messages picked by this dealer. The index shows them for a while after they left their line. A retried message
    /// comes back in another position.
    picked: HashSet<LineEntry>,
}

struct LaneRotation {
    lane: Lane,
    /// How far the lane is behind its share.
    credit: i32,
    /// The next account's line is the first.
    lines: VecDeque<KnownLine>,
}

struct KnownLine {
    line: Line,
    /// The messages on the line by the sender's record, with those picked by this dealer.
    count: i64,
    picked: i64,
    /// Messages read, but not picked.
    read: VecDeque<LineEntry>,
    is_stale: bool,
    /// Whether more messages may follow.
    has_more: bool,
}

impl KnownLine {
    fn missing(&self) -> i64 {
        if self.read.is_empty() { self.count.saturating_sub(self.picked).max(0) } else { 0 }
    }
}

impl Rotation {
    pub(super) fn new() -> Self {
        let mut lanes = Lane::iter().map(|lane| LaneRotation { lane, credit: 0, lines: VecDeque::new() });
        Self { lanes: std::array::from_fn(|_| lanes.next().unwrap_or_else(|| unreachable!())), picked: HashSet::new() }
    }

    /// Takes the counts of the sender's record. Lines with another count or missing messages must be read again. If
    /// messages have joined, so must all lines without one, because not every joining message is counted.
    pub(super) fn update(&mut self, waiting: &HashMap<Line, i64>, has_joined: bool) {
        for (line, count) in waiting {
            let lane = self.lane(line.lane);
            if let Some(known) = lane.lines.iter_mut().find(|known| known.line == *line) {
                known.is_stale |= known.count != *count;
                known.count = *count;
                known.is_stale |= known.missing() > 0 || (has_joined && known.read.is_empty());
            } else {
                let (line, count, read) = (line.clone(), *count, VecDeque::new());
                lane.lines.push_back(KnownLine { line, count, picked: 0, read, is_stale: true, has_more: false });
            }
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut LaneRotation {
        let index = self.lanes.iter().position(|rotation| rotation.lane == lane).unwrap_or_default();
        &mut self.lanes[index]
    }

    fn lines(&self) -> impl Iterator<Item = &KnownLine> {
        self.lanes.iter().flat_map(|lane| &lane.lines)
    }

    pub(super) fn all(&self) -> Vec<Line> {
        self.lines().map(|known| known.line.clone()).collect()
    }

    /// Returns the lines to read.
    pub(super) fn stale(&self) -> Vec<Line> {
        self.lines().filter(|known| known.is_stale).map(|known| known.line.clone()).collect()
    }

    /// Returns how many messages should be on the lines, but were not found there.
    pub(super) fn missing(&self) -> i64 {
        self.lines().map(KnownLine::missing).fold(0, i64::saturating_add)
    }

    /// Returns whether the message was picked.
    pub(super) fn has_picked(&self, entry: &LineEntry) -> bool {
        self.picked.contains(entry)
    }

    /// Takes the first messages of a line, none of which was picked.
    pub(super) fn fill(&mut self, line: &Line, read: Vec<LineEntry>, has_more: bool) {
        if let Some(known) = self.lane(line.lane).lines.iter_mut().find(|known| known.line == *line) {
            (known.read, known.has_more, known.is_stale) = (read.into(), has_more, false);
        }
    }

    /// Picks the next message.
    pub(super) fn pick(&mut self) -> Option<(Line, LineEntry)> {
        let has_message = |lane: &LaneRotation| lane.lines.iter().any(|known| !known.read.is_empty());
        let with_messages: Vec<_> = (0..self.lanes.len()).filter(|index| has_message(&self.lanes[*index])).collect();
        // Smooth weighted round robin: each lane earns its share, and the one furthest behind pays for all.
        for &index in &with_messages {
            self.lanes[index].credit += share(self.lanes[index].lane);
        }
        let total: i32 = with_messages.iter().map(|index| share(self.lanes[*index].lane)).sum();
        // The first of equals is the more urgent lane.
        let next = with_messages.iter().rev().copied().max_by_key(|index| self.lanes[*index].credit)?;
        let lane = &mut self.lanes[next];
        lane.credit -= total;
        let position = lane.lines.iter().position(|known| !known.read.is_empty())?;
        let mut known = lane.lines.remove(position)?;
        let entry = known.read.pop_front()?;
        known.picked += 1;
        known.is_stale |= known.read.is_empty() && known.has_more;
        let line = known.line.clone();
        lane.lines.push_back(known);
        self.picked.insert(entry);
        Some((line, entry))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::MessageId;

    fn line(lane: Lane, account: &str) -> Line {
        Line { sender: "12345".parse().unwrap(), lane, account: account.parse().unwrap() }
    }

    fn entries(from: u128, count: u128) -> Vec<LineEntry> {
        let entry = |id| LineEntry { message: MessageId::new(Uuid::from_u128(id)), line_at: 0 };
        (from..from + count).map(entry).collect()
    }

    fn rotation(lines: &[(Line, u128)]) -> Rotation {
        let mut rotation = Rotation::new();
        for (number, (line, count)) in (0..).zip(lines) {
            rotation.update(&HashMap::from([(line.clone(), i64::try_from(*count).unwrap())]), true);
            rotation.fill(line, entries(number * 1_000, *count), false);
        }
        rotation
    }

    fn picks(rotation: &mut Rotation, count: usize) -> HashMap<Line, usize> {
        let mut picked = HashMap::new();
        for _ in 0..count {
            *picked.entry(rotation.pick().unwrap().0).or_default() += 1;
        }
        picked
    }

    #[test]
    fn accounts_take_turns_however_long_their_lines_are() {
        let (one, other) = (line(Lane::Normal, "one"), line(Lane::Normal, "other"));
        let mut rotation = rotation(&[(one.clone(), 900), (other.clone(), 100)]);
        assert_eq!(picks(&mut rotation, 200), HashMap::from([(one.clone(), 100), (other, 100)]));
        assert_eq!(picks(&mut rotation, 100), HashMap::from([(one, 100)]));
    }

    #[test]
    fn lanes_have_their_shares_and_urgent_is_first() {
        let [urgent, normal, bulk] = [Lane::Urgent, Lane::Normal, Lane::Bulk].map(|lane| line(lane, "one"));
        let mut all = rotation(&[(bulk.clone(), 500), (normal.clone(), 500), (urgent.clone(), 500)]);
        assert_eq!(all.pick().unwrap().0, urgent);
        let shares = HashMap::from([(urgent.clone(), 60), (normal.clone(), 30), (bulk.clone(), 10)]);
        assert_eq!(picks(&mut all, 100), shares);
        // A later urgent message goes at once.
        let mut late = rotation(&[(bulk, 500)]);
        picks(&mut late, 100);
        late.update(&HashMap::from([(urgent.clone(), 1)]), true);
        late.fill(&urgent, entries(9_000, 1), false);
        assert_eq!(late.pick().unwrap().0, urgent);
    }

    #[test]
    fn line_is_read_again_if_it_changed_or_misses_messages() {
        let one = line(Lane::Normal, "one");
        let mut rotation = Rotation::new();
        let update = |rotation: &mut Rotation, count| rotation.update(&HashMap::from([(one.clone(), count)]), false);
        update(&mut rotation, 3);
        assert_eq!(rotation.stale(), std::slice::from_ref(&one));
        // The index shows two of three messages.
        rotation.fill(&one, entries(0, 2), false);
        assert!(rotation.stale().is_empty() && rotation.missing() == 0);
        let picked = [rotation.pick(), rotation.pick()].map(|picked| picked.unwrap().1);
        assert!(rotation.pick().is_none() && picked.iter().all(|entry| rotation.has_picked(entry)));
        // The first is retried at once.
        assert!(!rotation.has_picked(&LineEntry { line_at: -1, ..picked[0] }));
        assert_eq!(rotation.missing(), 1);
        update(&mut rotation, 3);
        assert_eq!(rotation.stale().len(), 1);
        rotation.fill(&one, entries(2, 1), false);
        update(&mut rotation, 4);
        assert_eq!(rotation.stale().len(), 1, "another message joined");
        rotation.fill(&one, Vec::new(), false);
        rotation.update(&HashMap::from([(one.clone(), 2)]), false);
        rotation.fill(&one, Vec::new(), false);
        rotation.update(&HashMap::from([(one.clone(), 2)]), false);
        assert!(rotation.stale().is_empty());
        rotation.update(&HashMap::from([(one.clone(), 2)]), true);
        assert_eq!(rotation.stale().len(), 1, "a message that is not counted may have joined");
        // After a full page, more messages follow.
        rotation.fill(&one, entries(2, 1), true);
        rotation.pick();
        assert_eq!(rotation.stale().len(), 1);
    }
}
