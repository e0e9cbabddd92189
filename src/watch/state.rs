//! What is known of one key: counts by minute, which events they hold, what readers were told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::event::Seen;
use super::ids;
use super::table::Watch;

/// Minutes of a window.
const WINDOW: i64 = 5;
/// Minutes that are kept; an older event opens nothing any more.
const KEPT: i64 = 60;
/// An event further in the future than these minutes counts as of now.
const AHEAD: i64 = 5;
/// Minutes back that a second message may go by.
const RECENT: i64 = 15;
/// A claim that nobody finished ends after these seconds.
const CLAIM: i64 = 120;
/// Events that a key remembers one by one. Beyond, the oldest minutes are closed: they count no more events.
const MOST_IDS: usize = 12_000;
/// Sources, agents, sessions and instances, each.
const MOST: usize = 5;

/// The document of one key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    pub watch: String,
    pub operation: String,
    /// Of AWS; empty of Genesys Cloud.
    #[serde(default)]
    pub service: String,
    pub caller: String,
    #[serde(default)]
    pub minutes: BTreeMap<i64, Minute>,
    /// Events up to this minute are counted no more.
    #[serde(default)]
    pub closed_until: i64,
    /// Counted since the incident began.
    #[serde(default)]
    pub count: u64,
    /// Events of closed minutes came too: the true number is higher or equal.
    #[serde(default)]
    pub at_least: bool,
    #[serde(default)]
    pub first: i64,
    #[serde(default)]
    pub last: i64,
    /// When the last event arrived.
    #[serde(default)]
    pub arrived: i64,
    /// When readers were told, while it is not over.
    #[serde(default)]
    pub told_at: Option<i64>,
    /// Until when somebody else may be telling it.
    #[serde(default)]
    pub claimed_until: Option<i64>,
    /// Whose claim it is: an id of one attempt, so that no two writers write the same claim.
    #[serde(default)]
    pub claimed_by: Option<String>,
    /// Readers are to be told, and were not yet.
    #[serde(default)]
    pub owed: bool,
    /// The event of the message that people got already, while another channel lacks it: `throttled`, `recovered`.
    #[serde(default)]
    pub mailed: Option<String>,
    #[serde(default)]
    pub sessions: BTreeSet<String>,
    #[serde(default)]
    pub addresses: BTreeSet<String>,
    #[serde(default)]
    pub agents: BTreeSet<String>,
    #[serde(default)]
    pub instances: BTreeSet<String>,
}

/// One minute: the ids of its events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Minute {
    /// 16 hexadecimal digits for each.
    #[serde(with = "ids")]
    pub ids: BTreeSet<u64>,
}

/// What is to be done about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Nothing,
    /// Somebody else is telling it.
    Wait,
    Tell,
}

impl State {
    #[must_use]
    pub fn of(seen: &Seen) -> Self {
        Self {
            watch: seen.watch.name.to_owned(),
            operation: seen.operation.clone(),
            service: seen.service.clone(),
            caller: seen.caller.clone(),
            ..Self::default()
        }
    }

    /// Counts an event; false where it is counted already, or too old to count.
    pub fn count(&mut self, seen: &Seen, now: i64) -> bool {
        let at = if seen.at > now + AHEAD * 60 { now } else { seen.at };
        let minute = at / 60;
        if minute <= self.closed_until || minute <= now / 60 - KEPT {
            return false;
        }
        if self.minutes.values().any(|known| known.ids.contains(&seen.id)) {
            return false;
        }
        if self.count == 0 {
            // Events of several names share a key of Genesys Cloud: the first one is shown.
            self.operation.clone_from(&seen.operation);
        }
        self.minutes.entry(minute).or_default().ids.insert(seen.id);
        self.count += 1;
        self.first = if self.first == 0 { at } else { self.first.min(at) };
        self.last = self.last.max(at);
        self.arrived = now;
        for (list, value) in [
            (&mut self.sessions, &seen.session),
            (&mut self.addresses, &seen.address),
            (&mut self.agents, &seen.agent),
            (&mut self.instances, &seen.instance),
        ] {
            if let Some(value) = value
                && list.len() < MOST
            {
                list.insert(value.clone());
            }
        }
        true
    }

    /// Lets go of what no window needs: minutes that are too old, and more events than a key remembers.
    pub fn trim(&mut self, now: i64) {
        let oldest = now / 60 - KEPT;
        self.minutes.retain(|minute, _| *minute > oldest);
        while self.minutes.values().map(|m| m.ids.len()).sum::<usize>() > MOST_IDS && self.minutes.len() > 1 {
            if let Some((minute, _)) = self.minutes.pop_first() {
                self.closed_until = self.closed_until.max(minute);
                self.at_least = true;
            }
        }
    }

    /// The most events of any window whose minutes come after `after`.
    #[must_use]
    pub fn busiest(&self, after: i64) -> u64 {
        let counts = || self.minutes.iter().filter(|(minute, _)| **minute > after);
        let window =
            |end: i64| counts().filter(move |(m, _)| (end - WINDOW + 1..=end).contains(*m)).map(|(_, m)| m.ids.len());
        counts().map(|(end, _)| window(*end).sum::<usize>() as u64).max().unwrap_or(0)
    }

    /// The minute in which most events were, the newest of several; in minutes of the Unix epoch.
    #[must_use]
    pub fn busiest_minute(&self) -> i64 {
        let most = self.minutes.iter().max_by_key(|(minute, events)| (events.ids.len(), **minute));
        most.map_or(self.last / 60, |(minute, _)| *minute)
    }

    /// Nobody was told of it, and its events are too old to count.
    #[must_use]
    pub fn is_forgotten(&self, now: i64) -> bool {
        let is_nothing = self.told_at.is_none() && !self.owed && !self.is_claimed(now);
        is_nothing && now >= self.arrived + KEPT * 60
    }

    /// Whether readers are to be told now.
    #[must_use]
    pub fn decide(&self, watch: &Watch, threshold: u64, cool_down_minutes: u32, now: i64) -> Decision {
        debug_assert_eq!(self.watch, watch.name);
        if self.owed {
            return if self.is_claimed(now) { Decision::Wait } else { Decision::Tell };
        }
        let after = match self.told_at {
            None => i64::MIN,
            Some(told) if now < told + i64::from(cool_down_minutes) * 60 => return Decision::Nothing,
            Some(told) => (told / 60).max(now / 60 - RECENT),
        };
        if self.busiest(after) < threshold {
            Decision::Nothing
        } else if self.is_claimed(now) {
            Decision::Wait
        } else {
            Decision::Tell
        }
    }

    /// Somebody is telling it.
    fn is_claimed(&self, now: i64) -> bool {
        self.claimed_until.is_some_and(|until| now < until)
    }

    /// Claims the telling of what is over. `by`: an id that no other attempt has.
    pub fn claim(&mut self, by: &str, now: i64) {
        self.claimed_until = Some(now + CLAIM);
        self.claimed_by = Some(by.to_owned());
    }

    /// Claims the telling of an incident: it is owed until it is told, whoever dies meanwhile.
    pub fn owe(&mut self, by: &str, now: i64) {
        self.claim(by, now);
        self.owed = true;
    }

    /// Gives a claim back, where it is still this one. `mailed`: the event that people got a message of, where
    /// another channel failed.
    pub fn release(&mut self, by: Option<&str>, mailed: Option<&str>) {
        if self.claimed_by.as_deref() == by {
            (self.claimed_until, self.claimed_by) = (None, None);
        }
        self.mailed = mailed.map(str::to_owned);
    }

    /// Readers were told.
    pub fn told(&mut self, now: i64) {
        (self.told_at, self.owed, self.mailed) = (Some(now), false, None);
    }

    /// It was told before, it has been silent for a window, and the cool-down is past.
    #[must_use]
    pub fn is_over(&self, cool_down_minutes: u32, now: i64) -> bool {
        let is_free = !self.owed && !self.is_claimed(now);
        let is_silent = now >= self.arrived + WINDOW * 60;
        is_free && is_silent && self.told_at.is_some_and(|told| now >= told + i64::from(cool_down_minutes) * 60)
    }

    /// Forgets the incident as it was when its end was claimed; its events are counted no more. What came since stays,
    /// and may open the next one.
    pub fn end(&mut self, claimed: &Self) {
        let mut later = std::mem::take(&mut self.minutes);
        for (minute, events) in &claimed.minutes {
            if let Some(stored) = later.get_mut(minute) {
                stored.ids.retain(|id| !events.ids.contains(id));
            }
        }
        later.retain(|_, events| !events.ids.is_empty());
        let newest = claimed.minutes.last_key_value().map_or(claimed.closed_until, |(minute, _)| *minute);
        let count = later.values().map(|events| events.ids.len() as u64).sum();
        let is_new = count > 0;
        *self = Self {
            watch: std::mem::take(&mut self.watch),
            operation: std::mem::take(&mut self.operation),
            service: std::mem::take(&mut self.service),
            caller: std::mem::take(&mut self.caller),
            closed_until: newest.max(self.closed_until),
            count,
            first: later.first_key_value().map_or(0, |(minute, _)| minute * 60),
            last: if is_new { self.last } else { 0 },
            arrived: if is_new { self.arrived } else { 0 },
            minutes: later,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::table::WATCHES;

    const NOW: i64 = 1_772_452_800;

    fn seen(id: u64, at: i64) -> Seen {
        Seen {
            watch: &WATCHES[0],
            id,
            account_id: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            at,
            service: "connect".to_owned(),
            operation: "ListUsers".to_owned(),
            caller: "role r".to_owned(),
            session: Some(format!("s{id}")),
            address: None,
            agent: None,
            instance: None,
        }
    }

    fn filled(times: impl IntoIterator<Item = i64>) -> State {
        let mut state = State::of(&seen(0, NOW));
        for (id, at) in times.into_iter().enumerate() {
            assert!(state.count(&seen(id as u64, at), NOW));
        }
        state
    }

    #[test]
    fn a_threshold_is_passed_within_five_minutes_only() {
        let decide = |state: &State| state.decide(&WATCHES[0], 10, 60, NOW);
        assert_eq!(decide(&filled((0..9).map(|_| NOW))), Decision::Nothing);
        assert_eq!(decide(&filled((0..10).map(|_| NOW))), Decision::Tell);
        assert_eq!(decide(&filled((0..10).map(|n| NOW - n * 60))), Decision::Nothing, "two a minute would be needed");
        assert_eq!(decide(&filled((0..10).map(|n| NOW - n / 2 * 60))), Decision::Tell);
    }

    #[test]
    fn no_event_counts_twice_and_late_ones_open_nothing() {
        let mut state = filled([NOW]);
        assert!(!state.count(&seen(0, NOW), NOW + 30), "the same again");
        assert!(!state.count(&seen(7, NOW - 3600), NOW), "an hour late");
        assert!(state.count(&seen(8, NOW + 86_400), NOW), "from tomorrow: it counts as of now");
        assert!(!state.count(&seen(8, NOW + 86_400), NOW + 60));
        assert_eq!((state.count, state.last), (2, NOW));
    }

    #[test]
    fn one_claim_at_a_time_quiet_for_the_cool_down_and_over_after_it() {
        let mut state = filled((0..10).map(|_| NOW));
        state.owe("one", NOW);
        assert_eq!(state.decide(&WATCHES[0], 10, 60, NOW + 1), Decision::Wait);
        assert_eq!(state.decide(&WATCHES[0], 10, 60, NOW + 120), Decision::Tell, "who claimed it died");
        state.release(Some("one"), None);
        state.told(NOW);
        assert_eq!(state.decide(&WATCHES[0], 10, 60, NOW + 3599), Decision::Nothing);
        assert!(!state.is_over(60, NOW + 3599) && state.is_over(60, NOW + 3600));
        assert_eq!(state.decide(&WATCHES[0], 10, 60, NOW + 3600), Decision::Nothing, "no news since");
        state.end(&state.clone());
        assert!(!state.count(&seen(3, NOW), NOW + 3600), "what was told is not told again");
        assert!(state.count(&seen(3, NOW + 3600), NOW + 3600));
    }

    #[test]
    fn what_is_owed_is_told_however_late() {
        let mut state = filled((0..10).map(|_| NOW));
        state.owe("one", NOW);
        let late = NOW + 5 * 3_600;
        state.trim(late);
        assert!(!state.is_forgotten(late));
        assert_eq!(state.decide(&WATCHES[0], 10, 60, late), Decision::Tell, "its events are too old, its alert is not");
        state.release(Some("another"), None);
        assert_eq!(state.claimed_by.as_deref(), Some("one"), "nobody else's claim is given back");
        state.told(late);
        assert_eq!(state.decide(&WATCHES[0], 10, 60, late + 200), Decision::Nothing);
        let older = r#"{"watch":"connect-throttled","operation":"ListUsers","caller":"role r"}"#;
        assert!(!serde_json::from_str::<State>(older).unwrap().owed);
    }

    #[test]
    fn what_came_while_the_end_was_told_opens_the_next_incident() {
        let mut state = filled((0..10).map(|_| NOW));
        state.told(NOW);
        state.claim("one", NOW + 3_600);
        let claimed = state.clone();
        for id in 20..30 {
            assert!(state.count(&seen(id, NOW + 3_600), NOW + 3_601));
        }
        assert!(state.count(&seen(30, NOW), NOW + 3_601 - 60), "late, of a minute that was told");
        state.end(&claimed);
        assert_eq!((state.count, state.told_at, state.claimed_until), (11, None, None));
        assert_eq!((state.last, state.arrived), (NOW + 3_600, NOW + 3_541));
        assert_eq!(state.decide(&WATCHES[0], 10, 60, NOW + 3_602), Decision::Tell);
        assert!(!state.count(&seen(3, NOW), NOW + 3_540), "what was told is not told again");
    }

    #[test]
    fn a_storm_closes_old_minutes_and_says_at_least() {
        let mut state = filled([]);
        for id in 0..15_000 {
            state.count(&seen(id, NOW + i64::try_from(id / 5_000).unwrap() * 60), NOW + 120);
        }
        state.trim(NOW + 120);
        assert_eq!((state.count, state.at_least, state.minutes.len()), (15_000, true, 2));
        assert!(!state.count(&seen(0, NOW), NOW + 120), "of a closed minute");
        assert_eq!(state.sessions.len(), MOST);
        let stored = serde_json::to_string(&state).unwrap();
        assert!(stored.len() < 200_000, "{}", stored.len());
        assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), state);
    }
}
