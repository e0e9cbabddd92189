//! What stands around the monitor, judged: its schedule, the trail, alarms, and the names under which AWS publishes.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::doctor::{Check, State};
use crate::catalogue::Gauge;
use crate::domain::around::{Rule, RuleState, StandingAlarm, Trail};

/// As the template describes the rule that starts the runs.
pub const RUNS: &str = "Runs the Amazon Connect quota monitor";
/// As the template describes the rule of the watches.
pub const WATCHES: &str = "Calls around Amazon Connect that were throttled or ran into a limit";

/// Metrics of AWS/Connect on which AWS recommends alarms; one alarm of each line is enough ("Monitoring your instance
/// using CloudWatch", <https://docs.aws.amazon.com/connect/latest/adminguide/monitoring-cloudwatch.html>).
const RECOMMENDED: &[(&str, &[&str])] = &[
    ("missed calls", &["MissedCalls"]),
    ("full queues", &["QueueCapacityExceededError"]),
    ("misconfigured phone numbers", &["MisconfiguredPhoneNumbers"]),
    ("flow errors", &["ContactFlowErrors", "ContactFlowFatalErrors"]),
    ("breaches of concurrency", &["CallsBreachingConcurrencyQuota"]),
];

const GAUGES: [Gauge; 5] = [Gauge::Calls, Gauge::Chats, Gauge::Tasks, Gauge::Emails, Gauge::CampaignCalls];

/// Above this share of the calls, in percent, the monitor is a burden on what it watches.
const MUCH: f64 = 50.0;

/// Does something start the runs?
#[must_use]
pub fn schedule(rules: &[Rule]) -> Check {
    let ours: Vec<&Rule> = rules.iter().filter(|rule| rule.schedule.is_some() && rule.description == RUNS).collect();
    let named = |rule: &Rule| format!("{} ({})", rule.name, rule.schedule.as_deref().unwrap_or_default());
    let enabled: Vec<&Rule> = ours.iter().copied().filter(|rule| rule.state != RuleState::Disabled).collect();
    let check = match (enabled.first(), ours.first()) {
        (Some(rule), _) => Check::new("schedule", State::Ok, format!("{} is enabled", named(rule))),
        (None, Some(rule)) => Check::new("schedule", State::Broken, format!("{} is disabled", named(rule)))
            .remedy(format!("aws events enable-rule --name {}", rule.name)),
        (None, None) => Check::new("schedule", State::Attention, "no rule of the template runs the monitor here")
            .remedy("deploy the template in this Region, or look at what else runs it"),
    };
    check.count("rules", ours.len()).count("enabled", enabled.len())
}

/// Do the watches get the calls that were throttled? They need a trail, and only where they are switched on.
#[must_use]
pub fn trail(trails: &[Trail], rules: &[Rule]) -> Check {
    let watching: Vec<&Rule> =
        rules.iter().filter(|rule| rule.description == WATCHES && rule.state != RuleState::Disabled).collect();
    let logging: Vec<&Trail> = trails.iter().filter(|trail| trail.is_logging).collect();
    let whole = logging.iter().find(|trail| trail.takes_writes && trail.takes_reads);
    let remedy = "let a trail log management events, reads and writes: EventBridge gets no event of a call without one";
    let check = |state, finding: String| Check::new("trail", state, finding);
    let check = if watching.is_empty() {
        let found = whole.map_or("no trail logs all management events", |_| "a trail logs all management events");
        check(State::Ok, format!("the watches of throttled calls are off (WatchThrottling); {found}"))
    } else if watching.iter().all(|rule| rule.state == RuleState::Enabled) {
        check(State::Attention, "the watches' rule gets no event of calls that read".to_owned())
            .remedy("its state must be ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, as in the template")
    } else if let Some(trail) = whole {
        check(State::Ok, format!("{} logs all management events", trail.name))
    } else if let Some(trail) = logging.iter().find(|trail| trail.takes_writes) {
        let finding = format!("{} logs calls that write only: most of Connect's throttled calls read", trail.name);
        check(State::Attention, finding).remedy(remedy)
    } else {
        check(State::Broken, "the watches are on, and no trail logs management events".to_owned()).remedy(remedy)
    };
    check.count("trails", trails.len()).count("logging", logging.len()).count("watch_rules", watching.len())
}

/// Which alarms stand.
#[must_use]
pub fn alarms(alarms: &[StandingAlarm]) -> Check {
    let standing: Vec<&str> = alarms.iter().filter(|a| a.is_in_alarm).map(|a| a.name.as_str()).collect();
    if standing.is_empty() {
        return Check::new("alarms", State::Ok, "none is in the state ALARM").count("in_alarm", 0);
    }
    Check::new("alarms", State::Attention, format!("{} in the state ALARM: {}", standing.len(), standing.join(", ")))
        .remedy("look at them in CloudWatch")
        .count("in_alarm", standing.len())
}

/// Which of the alarms that AWS recommends for Connect exist, and which of these tell nobody.
#[must_use]
pub fn recommended(alarms: &[StandingAlarm]) -> Check {
    let (mut missing, mut silent) = (Vec::new(), Vec::new());
    for (what, names) in RECOMMENDED {
        let watches = |alarm: &&StandingAlarm| {
            alarm.metrics.iter().any(|(space, name)| space == "AWS/Connect" && names.contains(&name.as_str()))
        };
        let of_it: Vec<&StandingAlarm> = alarms.iter().filter(watches).collect();
        if of_it.is_empty() {
            missing.push(format!("{what} ({})", names.join(", ")));
        } else if of_it.iter().all(|alarm| !alarm.has_action) {
            silent.push(format!("{what} ({})", of_it.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", ")));
        }
    }
    let check = |state, finding: String| {
        let exist = RECOMMENDED.len() - missing.len();
        Check::new("recommended alarms", state, finding).count("exist", exist).count("without_action", silent.len())
    };
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("missing: {}", missing.join(", ")));
    }
    if !silent.is_empty() {
        parts.push(format!("without an action: {}", silent.join(", ")));
    }
    if parts.is_empty() {
        return check(State::Ok, "all that AWS recommends for Connect exist and have an action".to_owned());
    }
    check(State::Attention, parts.join("; ")).remedy(
        "make alarms on these metrics of AWS/Connect, with an action: the monitor counts quotas, not these errors",
    )
}

/// Under which metric groups AWS publishes the concurrency here, by metric, against those that are read.
#[must_use]
pub fn metric_groups(found: &BTreeMap<&'static str, BTreeSet<String>>) -> Check {
    let mut strange = Vec::new();
    for gauge in GAUGES {
        let metric = gauge.metric();
        let groups = found.get(metric.name).into_iter().flatten();
        let unread = groups.filter(|group| !metric.metric_groups.contains(&group.as_str()));
        strange.extend(unread.map(|group| format!("{} under {group}", metric.name)));
    }
    let seen: Vec<String> = found
        .iter()
        .filter(|(_, groups)| !groups.is_empty())
        .map(|(name, groups)| format!("{name} under {}", groups.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    let check = if !strange.is_empty() {
        Check::new("metric groups", State::Broken, format!("AWS publishes {}, which is not read", strange.join(", ")))
            .remedy("the usage of these quotas is too low here: attach `doctor --report FILE` to an issue")
    } else if seen.is_empty() {
        Check::new("metric groups", State::Ok, "no concurrency was published in two weeks: nobody called or wrote")
    } else {
        Check::new("metric groups", State::Ok, seen.join("; "))
    };
    check.count("metrics", seen.len()).vocabulary(seen)
}

/// Under which service names AWS counts calls around Connect here, against those that Service Quotas names.
#[must_use]
pub fn usage_services(found: &BTreeSet<String>, named: &BTreeSet<String>) -> Check {
    let ours = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["connect", "customer profiles", "wisdom", "cases", "appintegrations", "voice id"]
            .iter()
            .any(|o| name.contains(o))
    };
    let around: Vec<String> = found.iter().filter(|name| ours(name)).cloned().collect();
    let strange: Vec<String> = around.iter().filter(|name| !named.contains(*name)).cloned().collect();
    let check = if around.is_empty() {
        Check::new("usage names", State::Ok, "AWS/Usage counted no call around Connect in the last three hours")
    } else if strange.is_empty() {
        Check::new("usage names", State::Ok, format!("AWS/Usage counts calls under {}", around.join(", ")))
    } else {
        let finding =
            format!("AWS/Usage counts calls under {}, which Service Quotas does not name", strange.join(", "));
        Check::new("usage names", State::Attention, finding)
            .remedy("calls under these names count against no rate here: attach `doctor --report FILE` to an issue")
    };
    check.count("names", around.len()).count("not_named", strange.len()).vocabulary(around)
}

/// The monitor's own part of the calls that AWS counted in an hour.
#[must_use]
pub fn own_share(own: u64, all: f64) -> Check {
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    #[expect(clippy::cast_precision_loss, reason = "calls of an hour")]
    let percent = if all > 0.0 { own as f64 * 100.0 / all } else { 0.0 };
    let finding = format!("{own} of {all} calls to these operations of Connect in an hour ({percent:.0} %)");
    let check = if percent > MUCH && all >= 100.0 {
        Check::new("own usage", State::Attention, finding)
            .remedy("lower CONNECT_RATE_SHARE or DETAIL_CALL_BUDGET where others need these calls")
    } else {
        Check::new("own usage", State::Ok, finding)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
    let percent = percent.clamp(0.0, 1e6) as usize;
    check.count("own", count(own)).count("percent", percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(description: &str, schedule: Option<&str>, state: RuleState) -> Rule {
        let schedule = schedule.map(str::to_owned);
        Rule { name: "secret-rule".to_owned(), description: description.to_owned(), schedule, state }
    }

    #[test]
    fn a_schedule_is_enabled_disabled_or_not_there() {
        let runs = |state| rule(RUNS, Some("rate(1 hour)"), state);
        assert_eq!(schedule(&[runs(RuleState::Enabled)]).state, State::Ok);
        let off = schedule(&[runs(RuleState::Disabled)]);
        assert!(off.state == State::Broken && off.remedy.unwrap().contains("enable-rule --name secret-rule"));
        assert_eq!(schedule(&[rule("another", Some("rate(1 hour)"), RuleState::Enabled)]).state, State::Attention);
        assert_eq!(schedule(&[runs(RuleState::Disabled), runs(RuleState::Enabled)]).state, State::Ok);
    }

    #[test]
    fn the_watches_need_a_trail_that_takes_reads() {
        let watch = |state| [rule(WATCHES, None, state)];
        let trail_of = |is_logging, takes_writes, takes_reads| Trail {
            name: "secret-trail".to_owned(),
            is_logging,
            takes_writes,
            takes_reads,
        };
        let reads = RuleState::EnabledForReads;
        for (trails, rules, state) in [
            (vec![], watch(RuleState::Disabled), State::Ok),
            (vec![], watch(reads), State::Broken),
            (vec![trail_of(false, true, true)], watch(reads), State::Broken),
            (vec![trail_of(true, true, false)], watch(reads), State::Attention),
            (vec![trail_of(true, true, false), trail_of(true, true, true)], watch(reads), State::Ok),
            (vec![trail_of(true, true, true)], watch(RuleState::Enabled), State::Attention),
        ] {
            assert_eq!(trail(&trails, &rules).state, state, "{trails:?} {rules:?}");
        }
    }

    #[test]
    fn recommended_alarms_exist_and_tell_somebody() {
        let alarm = |metric: &str, has_action| StandingAlarm {
            name: format!("a-{metric}"),
            is_in_alarm: false,
            metrics: vec![("AWS/Connect".to_owned(), metric.to_owned())],
            has_action,
        };
        let names = [
            "MissedCalls",
            "QueueCapacityExceededError",
            "MisconfiguredPhoneNumbers",
            "ContactFlowFatalErrors",
            "CallsBreachingConcurrencyQuota",
        ];
        let mut all: Vec<StandingAlarm> = names.iter().map(|name| alarm(name, true)).collect();
        assert_eq!(recommended(&all).state, State::Ok);
        all[0].has_action = false;
        let check = recommended(&all);
        assert!(check.finding == "without an action: missed calls (a-MissedCalls)", "{}", check.finding);
        // One alarm with an action is enough.
        all.push(alarm("MissedCalls", true));
        assert_eq!(recommended(&all).state, State::Ok);
        all.retain(|alarm| alarm.name != "a-MisconfiguredPhoneNumbers");
        let check = recommended(&all);
        assert!(check.finding.starts_with("missing: misconfigured phone numbers (Mis") && check.counts["exist"] == 4);
        assert_eq!(recommended(&[]).counts["exist"], 0);
    }

    #[test]
    fn names_that_are_not_read_are_told() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let groups = |name, of: &[&str]| metric_groups(&BTreeMap::from([(name, set(of))]));
        assert_eq!(groups("ConcurrentEmails", &["Email"]).state, State::Ok);
        let strange = groups("ConcurrentEmails", &["Email", "EmailMessages"]);
        assert!(strange.state == State::Broken && strange.finding.contains("ConcurrentEmails under EmailMessages"));
        assert_eq!(groups("ConcurrentCalls", &[]).vocabulary.len(), 0);
        let found = set(&["Connect", "Amazon Connect Cases", "S3"]);
        assert_eq!(usage_services(&found, &found).vocabulary, ["Amazon Connect Cases", "Connect"]);
        let check = usage_services(&found, &set(&["Connect"]));
        assert!(check.state == State::Attention && check.counts["not_named"] == 1);
    }

    #[test]
    fn a_large_own_share_of_many_calls_is_told() {
        for (own, all, state) in
            [(0, 0.0, State::Ok), (60, 80.0, State::Ok), (60, 100.0, State::Attention), (50, 100.0, State::Ok)]
        {
            assert_eq!(own_share(own, all).state, state, "{own} {all}");
        }
        assert_eq!(own_share(25, 100.0).counts["percent"], 25);
    }
}
