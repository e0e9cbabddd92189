//! The limits of single instances that are asked for one by one, as the runs remember them. Pure.
//!
//! Where the listing of Service Quotas shows no row of an instance, `GetServiceQuota` must be asked for each of
//! its quotas: some forty calls. The answers change rarely, so they are kept with their time, "none of its own"
//! too. Each is asked for again once a day, at a time of the day of its own: so every run asks for an equal part.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::limit::Own;

const DAY: i64 = 86_400;
/// A kept value whose question fails is used for so long (seconds), and no longer.
const LONGEST: i64 = 2 * DAY;

/// What one instance's limits were when they were last asked for, by quota code.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptLimits(BTreeMap<String, Kept>);

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// None: the instance had no value of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// Unix seconds.
    asked_at: i64,
    /// What applied to instances without a value of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<f64>,
    /// When that was read, where it could not be read at the same time (unix seconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_at: Option<i64>,
    /// The listing showed it, and no question was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    listed: bool,
}

/// A quota that may have to be asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    pub code: &'static str,
    /// What applies to instances without a value of their own; none: it could not be read.
    pub account: Option<f64>,
}

impl KeptLimits {
    /// What to ask for at `now` (unix seconds): first what was never asked for and what no longer fits the
    /// account's value, then what is due again, the oldest first. `all` must always come in the same order.
    #[must_use]
    pub fn due(&self, all: &[Question], now: i64) -> Vec<&'static str> {
        let mut due: Vec<(i64, &'static str)> = Vec::new();
        for (place, question) in all.iter().enumerate() {
            match self.0.get(question.code) {
                None => due.push((i64::MIN, question.code)),
                // What the listing showed and shows no more may have been withdrawn.
                Some(kept) if kept.listed || kept.is_outdated_by(question.account) => {
                    due.push((i64::MIN + 1, question.code));
                }
                // A clock that went back must not keep an answer for ever.
                Some(kept) if kept.asked_at < last_turn(place, all.len(), now) || kept.asked_at > now => {
                    due.push((kept.asked_at, question.code));
                }
                Some(_) => {}
            }
        }
        due.sort_by_key(|(since, _)| *since);
        due.into_iter().map(|(_, code)| code).collect()
    }

    /// Keeps a value that the listing shows at this moment.
    pub fn note_listed(&mut self, code: &str, value: f64, account: Option<f64>, now: i64) {
        self.note(code, Some(value), account, now);
        if let Some(kept) = self.0.get_mut(code) {
            kept.listed = true;
        }
    }

    /// Keeps an answer of this moment.
    pub fn note(&mut self, code: &str, value: Option<f64>, account: Option<f64>, now: i64) {
        let before = self.0.get(code).copied();
        // The last account's value that could be read is worth keeping, with its own time.
        let (account, account_at) = match (account, before) {
            (None, Some(Kept { account: Some(last), account_at, asked_at, .. })) => {
                (Some(last), Some(account_at.unwrap_or(asked_at)))
            }
            (account, _) => (account, None),
        };
        self.0.insert(code.to_owned(), Kept { value, asked_at: now, account, account_at, listed: false });
    }

    /// What is known of a quota without asking; none where it never was asked for.
    #[must_use]
    pub fn own(&self, code: &str) -> Option<Own> {
        let kept = self.0.get(code)?;
        let account = kept.account.map(|value| (value, kept.account_at.unwrap_or(kept.asked_at)));
        Some(Own { value: kept.value, read_at: Some(kept.asked_at), account })
    }

    /// As [`Self::own`], while it is young enough to stand in for an answer that did not come.
    #[must_use]
    pub fn stand_in(&self, code: &str, now: i64) -> Option<Own> {
        self.own(code).filter(|own| own.read_at.is_some_and(|at| now - at <= LONGEST))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets what is no quota any more.
    pub fn retain(&mut self, is_known: impl Fn(&str) -> bool) {
        self.0.retain(|code, _| is_known(code));
    }
}

impl Kept {
    /// The account's value changed since: who had none of its own may have been given one at the same time.
    fn is_outdated_by(&self, account: Option<f64>) -> bool {
        match (self.account, account) {
            (Some(then), Some(now)) => (then - now).abs() > f64::EPSILON,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

/// The last moment up to `now` at which the question in this place came round. The places share the day evenly.
fn last_turn(place: usize, of: usize, now: i64) -> i64 {
    let share = |n: usize| i64::try_from(n).unwrap_or(0);
    let at = share(place) * DAY / share(of).max(1);
    now - (now - at).rem_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: i64 = 1_772_452_800;
    const HOUR: i64 = 3_600;
    const CODES: [&str; 41] = {
        let mut codes = [""; 41];
        let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut n = 0;
        while n < 41 {
            codes[n] = all.split_at(n).1.split_at(1).0;
            n += 1;
        }
        codes
    };

    fn all(account: Option<f64>) -> Vec<Question> {
        CODES.iter().map(|code| Question { code, account }).collect()
    }

    fn ask(kept: &mut KeptLimits, now: i64) -> Vec<&'static str> {
        let due = kept.due(&all(Some(100.0)), now);
        for code in &due {
            kept.note(code, None, Some(100.0), now);
        }
        due
    }

    #[test]
    fn the_first_run_asks_for_all_and_hourly_runs_for_an_equal_part_of_each_day() {
        let mut kept = KeptLimits::default();
        assert_eq!(ask(&mut kept, NOON).len(), 41);
        assert!(ask(&mut kept, NOON).is_empty(), "asked for a moment ago");
        let mut asked_at: BTreeMap<&str, i64> = CODES.iter().map(|code| (*code, 0)).collect();
        for hour in 1..=72 {
            let asked = ask(&mut kept, NOON + hour * HOUR);
            assert!((1..=2).contains(&asked.len()), "hour {hour}: {asked:?}");
            for code in asked {
                let before = asked_at.insert(code, hour).unwrap();
                assert!(hour - before <= 24, "{code} was not asked for {} hours", hour - before);
            }
        }
        assert!(asked_at.values().all(|hour| *hour > 48));
    }

    #[test]
    fn a_daily_run_asks_for_all_and_one_after_a_pause_for_what_came_round() {
        let mut kept = KeptLimits::default();
        ask(&mut kept, NOON);
        assert_eq!(ask(&mut kept, NOON + DAY).len(), 41);
        assert!((10..=11).contains(&ask(&mut kept, NOON + DAY + 6 * HOUR).len()));
    }

    #[test]
    fn a_changed_value_of_the_account_is_asked_about_at_once_and_one_that_cannot_be_read_is_not() {
        let mut kept = KeptLimits::default();
        ask(&mut kept, NOON);
        assert_eq!(kept.due(&all(Some(200.0)), NOON + 1).len(), 41);
        assert!(kept.due(&all(None), NOON + 1).is_empty());
    }

    #[test]
    fn what_was_never_asked_for_goes_first() {
        let mut kept = KeptLimits::default();
        ask(&mut kept, NOON);
        kept.retain(|code| code != "o");
        let due = kept.due(&all(Some(100.0)), NOON + 12 * HOUR);
        assert_eq!((due[0], due.len() > 10), ("o", true));
    }

    #[test]
    fn the_accounts_last_value_keeps_its_own_time() {
        let mut kept = KeptLimits::default();
        kept.note("A", Some(7.0), Some(100.0), NOON);
        kept.note("A", None, None, NOON + HOUR);
        kept.note("A", None, None, NOON + 2 * HOUR);
        let own = kept.own("A").unwrap();
        assert_eq!(own, Own { value: None, read_at: Some(NOON + 2 * HOUR), account: Some((100.0, NOON)) });
        kept.note("A", None, Some(50.0), NOON + 3 * HOUR);
        assert_eq!(kept.own("A").unwrap().account, Some((50.0, NOON + 3 * HOUR)));
        assert!(kept.stand_in("A", NOON + 50 * HOUR).is_some());
        assert_eq!((kept.stand_in("A", NOON + 52 * HOUR), kept.own("B")), (None, None));
    }

    #[test]
    fn it_is_stored_in_few_bytes_and_read_back() {
        let mut kept = KeptLimits::default();
        ask(&mut kept, NOON);
        let text = serde_json::to_string(&kept).unwrap();
        assert!(text.len() < 41 * 48, "{} bytes: {text}", text.len());
        assert_eq!(serde_json::from_str::<KeptLimits>(&text).unwrap(), kept);
    }

    proptest! {
        /// However the runs fall, nothing is older than a day when a run is over.
        #[test]
        fn no_answer_is_older_than_a_day_after_a_run(pauses in prop::collection::vec(1i64..200_000, 1..40)) {
            let mut kept = KeptLimits::default();
            let mut now = NOON;
            for pause in pauses {
                now += pause;
                ask(&mut kept, now);
                for code in CODES {
                    let at = kept.own(code).unwrap().read_at.unwrap();
                    prop_assert!((0..=DAY).contains(&(now - at)), "{} of {} s", code, now - at);
                }
            }
        }

        /// In equal parts: of all the calls of a day, a run makes its share of the time, and one more at most.
        #[test]
        fn a_run_asks_for_its_share_of_the_day(minutes in 1i64..300, start in 0i64..DAY) {
            let mut kept = KeptLimits::default();
            ask(&mut kept, NOON + start);
            for n in 1..=10 {
                let asked = i64::try_from(ask(&mut kept, NOON + start + n * minutes * 60).len()).unwrap();
                prop_assert!(asked <= 41 * minutes * 60 / DAY + 1, "{}", asked);
            }
        }
    }
}
