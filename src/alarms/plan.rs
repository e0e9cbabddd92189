//! What has to be done to get from the alarms that exist to those that there should be. Pure.

use crate::domain::alarm::Existing;
use crate::domain::alarm::Put;
use std::collections::{BTreeMap, BTreeSet};

use crate::alarms::Desired;
use crate::domain::alarm::Alarm;

/// What is to be done. Every name stands in one place only.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlarmPlan {
    pub put: Vec<Put>,
    pub delete: Vec<String>,
    pub keep: Vec<String>,
    /// Names that we want and that somebody else's alarm has.
    pub taken: Vec<String>,
}

/// The alarms that a plan would touch if they are ours: the ones whose tags must be asked for.
#[must_use]
pub fn in_question<'a>(desired: &Desired, existing: &'a [Existing]) -> Vec<&'a Existing> {
    let wanted = by_name(desired);
    existing
        .iter()
        .filter(|held| match wanted.get(held.name.as_str()) {
            Some(alarm) => held.alarm.as_ref() != Some(*alarm),
            None => !desired.held.covers(&held.name),
        })
        .collect()
}

/// Compares. `ours` are the names of those alarms [`in_question`] that carry our tag; no other one is
/// ever written over or deleted.
#[must_use]
pub fn plan(desired: &Desired, existing: &[Existing], ours: &BTreeSet<String>) -> AlarmPlan {
    let mut plan = AlarmPlan::default();
    let wanted = by_name(desired);
    let questionable: BTreeSet<&str> = in_question(desired, existing).into_iter().map(|e| e.name.as_str()).collect();
    for held in existing {
        let name = held.name.clone();
        match wanted.get(held.name.as_str()) {
            _ if !questionable.contains(held.name.as_str()) => plan.keep.push(name),
            Some(_) if !ours.contains(&name) => plan.taken.push(name),
            Some(alarm) => {
                let alarm = (*alarm).clone();
                plan.put.push(Put { alarm, actions_enabled: held.actions_enabled, is_new: false });
            }
            None if ours.contains(&name) => plan.delete.push(name),
            None => {}
        }
    }
    let there: BTreeSet<&str> = existing.iter().map(|held| held.name.as_str()).collect();
    let missing = wanted.values().filter(|alarm| !there.contains(alarm.name.as_str()));
    plan.put.extend(missing.map(|alarm| Put { alarm: (*alarm).clone(), actions_enabled: true, is_new: true }));
    plan
}

fn by_name(desired: &Desired) -> BTreeMap<&str, &Alarm> {
    desired.alarms.iter().map(|alarm| (alarm.name.as_str(), alarm)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::Held;
    use crate::domain::alarm::{Comparison, Datapoints, MetricStat, MissingData, Watch};
    use proptest::prelude::*;

    fn alarm(n: u8, threshold: f64) -> Alarm {
        let series = MetricStat {
            namespace: "AWS/Usage".to_owned(),
            name: "CallCount".to_owned(),
            dimensions: BTreeMap::new(),
            statistic: "Sum".to_owned(),
            period: 60,
        };
        Alarm {
            name: format!("p/r/connect/{n}"),
            description: String::new(),
            watch: Watch::Metric(series),
            comparison: Comparison::AtOrAbove,
            threshold,
            datapoints: Datapoints { alarm: 3, of: 3 },
            missing: MissingData::NotBreaching,
            actions: Vec::new(),
        }
    }

    /// What is there, and whether it carries our tag.
    #[derive(Debug, Clone)]
    struct World(Vec<(Existing, bool)>);

    impl World {
        fn existing(&self) -> Vec<Existing> {
            self.0.iter().map(|(existing, _)| existing.clone()).collect()
        }

        fn plan(&self, desired: &Desired) -> AlarmPlan {
            let existing = self.existing();
            let asked: BTreeSet<String> = in_question(desired, &existing).into_iter().map(|e| e.name.clone()).collect();
            let ours = self.0.iter().filter(|(e, ours)| *ours && asked.contains(&e.name)).map(|(e, _)| e.name.clone());
            plan(desired, &existing, &ours.collect())
        }

        /// As CloudWatch would carry it out.
        fn after(&self, plan: &AlarmPlan) -> Self {
            let mut kept: BTreeMap<String, (Existing, bool)> =
                self.0.iter().map(|(e, ours)| (e.name.clone(), (e.clone(), *ours))).collect();
            for name in &plan.delete {
                kept.remove(name);
            }
            for put in &plan.put {
                let ours = kept.get(&put.alarm.name).is_none_or(|(_, ours)| *ours);
                let existing = Existing {
                    name: put.alarm.name.clone(),
                    arn: String::new(),
                    alarm: Some(put.alarm.clone()),
                    actions_enabled: put.actions_enabled,
                };
                kept.insert(put.alarm.name.clone(), (existing, ours));
            }
            Self(kept.into_values().collect())
        }
    }

    fn worlds() -> impl Strategy<Value = World> {
        let one = (prop::option::weighted(0.8, 0u8..3), any::<bool>(), any::<bool>());
        prop::collection::btree_map(0u8..12, one, 0..12).prop_map(|found| {
            let all = found.into_iter().map(|(n, (threshold, actions_enabled, ours))| {
                let alarm = threshold.map(|t| alarm(n, t.into()));
                let existing =
                    Existing { name: format!("p/r/connect/{n}"), arn: String::new(), alarm, actions_enabled };
                (existing, ours)
            });
            World(all.collect())
        })
    }

    fn wishes() -> impl Strategy<Value = Desired> {
        (prop::collection::btree_map(0u8..12, 0u8..3, 0..12), prop::collection::vec(0u8..12, 0..3)).prop_map(
            |(wanted, unknown)| {
                let mut held = Held::default();
                unknown
                    .into_iter()
                    .filter(|n| !wanted.contains_key(n))
                    .for_each(|n| held.name(format!("p/r/connect/{n}")));
                let alarms = wanted.into_iter().map(|(n, threshold)| alarm(n, threshold.into())).collect();
                Desired { alarms, held, left_out: Vec::new() }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn the_plan_of_the_plans_result_is_empty(world in worlds(), desired in wishes()) {
            let after = world.after(&world.plan(&desired));
            let again = after.plan(&desired);
            prop_assert!(again.put.is_empty() && again.delete.is_empty(), "{again:?}");
            for alarm in &desired.alarms {
                let there = after.0.iter().find(|(e, _)| e.name == alarm.name);
                prop_assert!(there.is_some_and(|(e, _)| e.alarm.as_ref() == Some(alarm) || again.taken.contains(&e.name)));
            }
        }

        #[test]
        fn what_is_not_ours_or_not_known_is_never_touched(world in worlds(), desired in wishes()) {
            let plan = world.plan(&desired);
            let after = world.after(&plan);
            for (existing, ours) in &world.0 {
                let is_known = desired.alarms.iter().any(|a| a.name == existing.name) || !desired.held.covers(&existing.name);
                if !ours || !is_known {
                    prop_assert!(after.0.iter().any(|(e, _)| e == existing), "{existing:?}");
                }
            }
        }

        #[test]
        fn every_name_stands_in_one_place_and_unchanged_alarms_are_kept(world in worlds(), desired in wishes()) {
            let plan = world.plan(&desired);
            let mut seen = BTreeSet::new();
            let put = plan.put.iter().map(|p| &p.alarm.name);
            for name in put.chain(&plan.delete).chain(&plan.keep).chain(&plan.taken) {
                prop_assert!(seen.insert(name.clone()), "{name} stands twice");
            }
            for (existing, _) in &world.0 {
                if existing.alarm.is_some() && desired.alarms.iter().any(|a| Some(a) == existing.alarm.as_ref()) {
                    prop_assert!(plan.keep.contains(&existing.name));
                }
            }
            for put in &plan.put {
                let before = world.0.iter().find(|(e, _)| e.name == put.alarm.name);
                prop_assert_eq!(put.is_new, before.is_none());
                prop_assert_eq!(put.actions_enabled, before.is_none_or(|(e, _)| e.actions_enabled));
            }
        }
    }
}
