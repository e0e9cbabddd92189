//! The order of instances where an account has more of them than fit one run. Pure.
//!
//! A run that has no time left leaves instances out. They wait, with the moment since which nobody has
//! looked at them; the next run begins with those that wait longest, and looks back as far for their
//! peaks. So each instance's turn comes: with `n` instances of which every run measures at least `k`,
//! within `n / k + 1` runs (rounded up).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::Instance;

/// What a run leaves to the next about turns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rota {
    /// By instance id: unix seconds since which nobody has looked at the instance.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<String, i64>,
    /// Id of the instance whose turn came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Connect calls that an instance took in the last run, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<f64>,
    /// Calls of `GetServiceQuota` that are due in the next run for an instance, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_calls: Option<f64>,
}

impl Rota {
    /// Since when nobody has looked at an instance that waits.
    #[must_use]
    pub fn since(&self, id: &str) -> Option<i64> {
        self.waiting.get(id).copied()
    }

    /// Places of the instances in the order of their turns: those that wait longest first, those that
    /// the last run measured last; among equals, as they are listed, from where the last run ended.
    #[must_use]
    pub fn order(&self, instances: &[Instance]) -> Vec<usize> {
        let last = self.after.as_ref().and_then(|id| instances.iter().position(|instance| instance.id == *id));
        let mut places: Vec<usize> = (0..instances.len()).collect();
        places.rotate_left(last.map_or(0, |last| last + 1));
        places.sort_by_key(|place| self.since(&instances[*place].id).unwrap_or(i64::MAX));
        places
    }

    /// Forgets instances that do not exist any more. Those that only this run's filters leave out stay:
    /// functions that share the instances between them may share a store.
    #[must_use]
    pub fn of(mut self, exists: impl Fn(&str) -> bool) -> Self {
        self.waiting.retain(|id, _| exists(id));
        self
    }

    /// The rota after a run whose windows began at `from` (unix seconds), and whose turns came in the
    /// order of `measured`.
    #[must_use]
    pub fn after(&self, measured: &[&str], left_out: &[&str], from: i64, calls: Option<f64>) -> Self {
        let mut waiting = self.waiting.clone();
        for id in measured {
            waiting.remove(*id);
        }
        for id in left_out {
            waiting.entry((*id).to_owned()).or_insert(from);
        }
        let last = measured.last().map(|id| (*id).to_owned());
        let (calls, limit_calls) = (calls.or(self.calls), self.limit_calls);
        Self { after: last.or_else(|| self.after.clone()), waiting, calls, limit_calls }
    }
}

/// Where nothing is remembered the turns go by the hour: each hour's run begins half of what is planned
/// further on, so that no gap opens where a run measures less than planned.
pub fn by_the_hour(places: &mut [usize], planned: usize, now: Timestamp) {
    let hour = usize::try_from(now.as_second().div_euclid(3600)).unwrap_or(0);
    let start = hour.wrapping_mul((planned / 2).max(1)) % places.len().max(1);
    places.rotate_left(start);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn instance(n: usize) -> Instance {
        Instance { id: format!("i{n:03}"), arn: String::new(), alias: None, status: "ACTIVE".to_owned() }
    }

    /// One run that has time for `fit` of the instances: who was measured.
    fn run(rota: &mut Rota, instances: &[Instance], fit: usize, from: i64) -> BTreeSet<String> {
        let order = rota.order(instances);
        let ids: Vec<&str> = order.iter().map(|place| instances[*place].id.as_str()).collect();
        let (measured, left_out) = ids.split_at(fit.min(ids.len()));
        let known = rota.clone().of(|id| instances.iter().any(|i| i.id == id));
        *rota = known.after(measured, left_out, from, None);
        measured.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn who_waits_longest_is_first_and_who_was_measured_waits_no_more() {
        let instances: Vec<Instance> = (0..5).map(instance).collect();
        let mut rota = Rota::default();
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(run(&mut rota, &instances, 2, 0), ids(&["i000", "i001"]));
        assert_eq!(run(&mut rota, &instances, 2, 3600), ids(&["i002", "i003"]));
        assert_eq!((rota.since("i004"), rota.since("i000"), rota.since("i002")), (Some(0), Some(3600), None));
        assert_eq!(run(&mut rota, &instances, 2, 7200), ids(&["i004", "i000"]));
        run(&mut rota, &instances, 5, 10_800);
        assert!(rota.waiting.is_empty(), "a run that has time for all leaves nobody waiting");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// Nobody waits for more than a round, whatever time the runs have.
        #[test]
        fn everybodys_turn_comes(n in 1usize..60, least in 1usize..20, extra in prop::collection::vec(0usize..20, 80)) {
            let instances: Vec<Instance> = (0..n).map(instance).collect();
            let mut rota = Rota::default();
            let (mut last_seen, mut turns) = (vec![0; n], vec![0; n]);
            for (hour, extra) in extra.into_iter().enumerate() {
                let measured = run(&mut rota, &instances, least + extra, i64::try_from(hour).unwrap() * 3600);
                for (n, instance) in instances.iter().enumerate() {
                    if measured.contains(&instance.id) {
                        last_seen[n] = hour + 1;
                    }
                }
                let bound = n.div_ceil(least) + 1;
                prop_assert!(last_seen.iter().all(|last| hour + 1 - last <= bound), "{:?}", last_seen);
                turns.iter_mut().zip(&instances).for_each(|(n, i)| *n += usize::from(measured.contains(&i.id)));
                let (most, fewest) = (turns.iter().max(), turns.iter().min());
                prop_assert!(most.zip(fewest).is_some_and(|(a, b)| a - b <= 1), "{:?}", turns);
                for (n, last) in last_seen.iter().enumerate() {
                    // Since the window of the first run that left it out.
                    let since = (hour + 1 > *last).then(|| i64::try_from(*last).unwrap() * 3600);
                    prop_assert_eq!(rota.since(&instances[n].id), since);
                }
            }
        }

        /// New instances and deleted ones change nothing for the others.
        #[test]
        fn a_changing_fleet_starves_nobody(births in prop::collection::vec(0usize..3, 40), fit in 4usize..8) {
            let mut instances: Vec<Instance> = (0..10).map(instance).collect();
            let (mut rota, mut born, mut waits) = (Rota::default(), 10, BTreeMap::<String, usize>::new());
            for (hour, births) in births.into_iter().enumerate() {
                for _ in 0..births {
                    instances.push(instance(born));
                    born += 1;
                    instances.remove(hour % instances.len());
                }
                let measured = run(&mut rota, &instances, fit, i64::try_from(hour).unwrap());
                for instance in &instances {
                    let wait = waits.entry(instance.id.clone()).or_default();
                    *wait = if measured.contains(&instance.id) { 0 } else { *wait + 1 };
                    prop_assert!(*wait <= 4, "{} waited for {} runs", instance.id, wait);
                }
                prop_assert!(rota.waiting.len() <= instances.len());
            }
        }

        #[test]
        fn without_a_memory_the_hours_go_round(n in 1usize..50, planned in 1usize..20, first in 0i64..1_000_000) {
            let (mut seen, half) = (BTreeSet::new(), (planned / 2).max(1));
            // One more where the count of hours wraps around the places.
            for hour in 0..=i64::try_from(n.div_ceil(half)).unwrap() {
                let mut places: Vec<usize> = (0..n).collect();
                by_the_hour(&mut places, planned, Timestamp::from_second((first + hour) * 3600).unwrap());
                seen.extend(places.into_iter().take(half));
            }
            prop_assert_eq!(seen.len(), n);
        }
    }
}
