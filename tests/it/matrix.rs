//! Every operation fails, in every way: for each call that the product makes, and each kind of
//! misbehaviour, one run in which it happens and one in which it is over.
//!
//! Nothing here names an operation that is to fail: they are those that undisturbed runs call, so a new
//! one joins by itself. What must hold is stated against the same runs without the fault.

use std::collections::{BTreeMap, BTreeSet};

use connect_quota_monitor::run::error::RunError;
use serde_json::Value;
use simaws::{Alarm, Fault, FaultKind};
use tokio::time::Instant;

use crate::left::{Left, core, left};
use crate::packs::{Operation, listing_of, packs};
use crate::stories::{self, Act, FIRST, HOUR, Story};
use crate::troubles::{Trouble, troubles};

/// What is played, and how it ends when nothing breaks.
struct Case<'a> {
    story: &'a Story,
    calm: &'a [Played; 2],
    /// What breaks at the same time. Only listings of which none rests on another do so together.
    broken: &'a [Operation],
    trouble: &'a Trouble,
}

struct Played {
    result: Result<Value, RunError>,
    left: Left,
    alarms: BTreeMap<String, Alarm>,
}

/// Everything but the name of the resource is the same.
fn is_named_otherwise(was: &Value, row: &Value) -> bool {
    let mut row = core(row);
    row["resource"] = was["resource"].clone();
    row == *was
}

/// The run of the story, with some trouble, and the next one without.
async fn play(story: &Story, trouble: Vec<Fault>) -> [Played; 2] {
    let mut bench = story.bench();
    let mut seen = BTreeMap::new();
    left(&bench, FIRST, &mut seen);
    for fault in trouble {
        bench.sim.script(fault);
    }
    let mut played = Vec::new();
    for at in [FIRST, FIRST + HOUR] {
        let began = Instant::now();
        let result = story.play(&mut bench, at).await;
        assert!(began.elapsed() < bench.time, "a run of {:?}", began.elapsed());
        bench.sim.clear_faults();
        bench.restart();
        let alarms = stories::alarms(&bench);
        played.push(Played { result, left: left(&bench, at, &mut seen), alarms });
    }
    played.try_into().ok().unwrap()
}

impl Case<'_> {
    /// The home of the ledgers cannot be read or written, for ever.
    fn loses_ledger(&self) -> bool {
        !self.trouble.passes() && self.is(&["GetItem", "PutItem", "GetObject", "PutObject"])
    }

    fn is(&self, operations: &[&str]) -> bool {
        self.broken.iter().any(|(_, operation)| operations.contains(&operation.as_str()))
    }

    /// The type of the error, if the invocation has to fail.
    fn error_type(&self) -> Option<&'static str> {
        let (service, operation) = &self.broken[0];
        match (self.story.act, *service, operation.as_str()) {
            (Act::Start(_), ..) => Some("ConfigError"),
            // With an instance its ARN says whose account it is, and the role's name is only to name the monitor.
            (Act::Run, "sts", _) if self.story.has_instances() => None,
            (Act::Run, "connect", "ListInstances") | (Act::Run, "sts", _) => Some("DiscoveryError"),
            (_, "monitoring", "GetMetricData") | (_, "sns", "GetTopicAttributes") => None,
            (_, "monitoring", "ListMetrics") if !self.story.config.alarms.apis => None,
            (_, "dynamodb", "PutItem") | (_, "s3", "PutObject") | (_, "sns" | "events" | "sts" | "monitoring", _) => {
                Some("SinkError")
            }
            _ => None,
        }
    }

    /// Every defect of the two runs.
    fn check(&self, [first, second]: &[Played; 2]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let [calm, calm_after] = self.calm;
        let unseen = self.unseen(first, &mut must);
        self.ends_as_it_should(first, &unseen, &mut must);
        self.everything_is_told(first, second, &unseen, &mut must);
        if self.trouble.passes() {
            must(unseen.is_empty(), format!("a retry passes it, and these are unknown: {unseen:?}"));
        }
        // And then it is over.
        match (&second.result, &calm_after.result) {
            (Ok(answer), Ok(calm)) => {
                must(answer["complete"] == calm["complete"], format!("not whole again: {}", answer["faults"]));
                must(answer["faults"] == calm["faults"], format!("faults afterwards: {}", answer["faults"]));
            }
            (Err(error), _) => must(false, format!("fails afterwards: {error}")),
            (Ok(_), Err(_)) => {}
        }
        for (store, rows) in &calm_after.left.rows {
            let again = &second.left.rows[store];
            let same = |key: &(String, String)| again.get(key).map(core) == rows.get(key).map(core);
            let other: Vec<_> = rows.keys().filter(|key| !same(key)).take(3).collect();
            must(other.is_empty(), format!("{store}: not whole again: {other:?}"));
        }
        must(second.alarms == calm_after.alarms, "the alarms are not as they should be afterwards".to_owned());
        if self.story.act == Act::RemoveAlarms || self.story.act == Act::TestAlert {
            must(calm.result.is_ok(), "the undisturbed story fails".to_owned());
        }
        wrong
    }

    /// Rows are right or unknown, and stand wherever they can be written. Gives what is unknown.
    fn unseen(&self, first: &Played, must: &mut impl FnMut(bool, String)) -> BTreeSet<(String, String)> {
        let mut unseen = BTreeSet::new();
        let is_blind = matches!(&first.result, Err(e) if e.error_type() == "DiscoveryError");
        for (store, calm) in &self.calm[0].left.rows {
            let is_broken =
                !self.trouble.passes() && self.is(if *store == "s3" { &["PutObject"] } else { &["PutItem"] });
            let rows = &first.left.rows[store];
            must(rows.is_empty() || !is_blind, format!("{store}: rows of a run that discovered nothing"));
            if is_blind || (is_broken && rows.is_empty()) {
                continue;
            }
            // Without its integrations nobody knows what an instance owns at the companion services.
            // What a snapshot lists in `empty` is a resource of theirs too.
            let owned = |row: &Value| {
                row.get("scope").is_none() || row["scope"] == "resource" && row["service_code"] != "connect"
            };
            let is_ownerless = self.is(&["ListIntegrationAssociations"]);
            let missing: Vec<_> = calm.iter().filter(|(key, _)| !rows.contains_key(*key)).collect();
            let is_excused = is_ownerless && missing.iter().all(|((owner, _), row)| owner != "account" && owned(row));
            let not_owned = missing.iter().find(|((owner, _), row)| owner == "account" || !owned(row));
            must(
                missing.is_empty() || is_excused,
                format!("{store}: without rows of {:?}", not_owned.or(missing.first())),
            );
            must(rows.keys().all(|key| calm.contains_key(key)), format!("{store}: rows of nothing"));
            unseen.extend(missing.into_iter().map(|(key, _)| key.clone()));
            for (key, row) in rows.iter().filter(|(key, row)| calm.get(*key).map(core) != Some(core(row))) {
                let was = calm.get(key).map(core);
                // The limit of what cannot be measured is a bonus.
                let status = was.as_ref().map(|was| &was["status"]);
                if row["status"] == "not_measurable" && status == Some(&row["status"]) && row["limit"].is_null() {
                    continue;
                }
                // Hours of operation are named by their id where their names cannot be listed.
                if self.is(&["ListHoursOfOperations"]) && was.as_ref().is_some_and(|was| is_named_otherwise(was, row)) {
                    continue;
                }
                must(row["status"] == "unknown", format!("{store}: {key:?} is {}, not {was:?}", core(row)));
                let fault = &row["fault"];
                must(self.names(fault), format!("{store}: {key:?} is unknown because of {fault}: {row}"));
                unseen.insert(key.clone());
            }
        }
        unseen
    }

    /// The fault is of this operation, under its name.
    fn names(&self, fault: &Value) -> bool {
        let operation = fault["operation"].as_str().unwrap_or_default();
        // Its answer was lost, so it was sent again, and AWS has it already.
        let is_there = fault["message"].as_str().is_some_and(|why| why.contains("ResourceAlreadyExistsException"));
        self.broken.iter().any(|(_, broken)| operation.ends_with(&format!(":{broken}")))
            && (self.trouble.named.contains(&fault["kind"].as_str().unwrap_or_default()) || is_there)
    }

    fn ends_as_it_should(
        &self,
        first: &Played,
        unseen: &BTreeSet<(String, String)>,
        must: &mut impl FnMut(bool, String),
    ) {
        // What has no pages, or no answer that anybody reads.
        let may_be_unnoticed = matches!(
            self.trouble.kind,
            FaultKind::EndlessToken | FaultKind::RepeatToken | FaultKind::InvalidBody | FaultKind::TruncatedBody
        );
        match &first.result {
            Ok(answer) => {
                let faults: Vec<&Value> = answer["faults"].as_array().into_iter().flatten().collect();
                let noticed = !faults.is_empty();
                must(noticed != self.trouble.passes() || may_be_unnoticed, format!("faults: {faults:?}"));
                if noticed && !may_be_unnoticed {
                    let is_told =
                        |of: &Operation| faults.iter().any(|f| f["operation"].as_str().unwrap().ends_with(&of.1));
                    let untold: Vec<_> = self.broken.iter().filter(|of| !is_told(of)).collect();
                    must(untold.is_empty(), format!("no fault of {untold:?}"));
                }
                let strange: Vec<_> = faults.iter().filter(|fault| !self.names(fault)).take(3).collect();
                must(strange.is_empty(), format!("faults of something else: {strange:?}"));
                must(noticed || unseen.is_empty(), "rows are unknown and no fault says why".to_owned());
                let complete = answer["complete"].as_bool();
                must(
                    complete.is_none_or(|complete| complete == unseen.is_empty()),
                    format!("complete: {complete:?}, with {} rows unknown", unseen.len()),
                );
                if noticed && !self.trouble.passes() {
                    must(self.error_type().is_none(), "the invocation has to fail".to_owned());
                }
            }
            Err(error) => {
                must(!self.trouble.passes(), format!("a retry passes it: {error}"));
                let is_start = matches!(self.story.act, Act::Start(reference) if error.to_string().contains(reference));
                let is_named = is_start || self.broken.iter().any(|(_, broken)| error.to_string().contains(broken));
                must(is_named, format!("an error without the operation: {error}"));
                let kind = self.trouble.named.iter().any(|kind| error.to_string().contains(kind));
                must(kind || is_start, format!("an error without the kind: {error}"));
                let is_blind = error.error_type() == "CollectionError" && Self::nothing_was_measured(first);
                must(
                    Some(error.error_type()) == self.error_type() || is_blind,
                    format!("{}: {error}", error.error_type()),
                );
            }
        }
    }

    fn nothing_was_measured(first: &Played) -> bool {
        let rows = first.left.rows.values().flatten();
        let mut of_instances = rows.filter(|((owner, _), _)| owner != "account");
        of_instances.all(|(_, row)| row["status"] == "unknown" || row["status"] == "not_measurable")
    }

    /// What is known is told by this run, if there is a way; what is not, by the next; and nothing twice.
    fn everything_is_told(
        &self,
        first: &Played,
        second: &Played,
        unseen: &BTreeSet<(String, String)>,
        must: &mut impl FnMut(bool, String),
    ) {
        let calm = &self.calm[0].left;
        let is_blind = matches!(&first.result, Err(e) if e.error_type() == "DiscoveryError");
        let channels = |left: &Left| {
            let mut all = left.events.clone();
            all.insert("mail", left.raised.clone());
            all
        };
        let (now, next) = (channels(&first.left), channels(&second.left));
        for (channel, expected) in channels(calm) {
            let (now, next) = (&now[channel], &next[channel]);
            let is_broken =
                !self.trouble.passes() && self.is(if channel == "bus" { &["PutEvents"] } else { &["Publish"] });
            for what in expected.iter().filter(|what| !now.contains(what)) {
                let is_excused = is_broken || is_blind || unseen.contains(what);
                must(is_excused, format!("{channel}: {what:?} is known and not told"));
                must(next.contains(what), format!("{channel}: {what:?} is never told"));
            }
            let both: Vec<_> = now.iter().chain(next).cloned().collect();
            let other = both.iter().find(|what| !expected.contains(what));
            must(other.is_none(), format!("{channel}: {other:?} is told, and is not so"));
            let once: BTreeSet<_> = both.iter().collect();
            // What cannot be read or written down is told again, rather than never.
            let may_repeat = self.is(&["Publish", "PutEvents"]) || self.loses_ledger();
            must(
                once.len() == both.len() || may_repeat,
                format!("{channel}: {} are told twice", both.len() - once.len()),
            );
        }
        let noise = ["escalated", "recovered", "unseen"];
        let other = first.left.kinds.iter().chain(&second.left.kinds).find(|kind| noise.contains(&kind.as_str()));
        must(other.is_none(), format!("a message of the kind {other:?}"));
    }
}

/// One part of all cases: a case is an operation and a trouble. Gives how many there were.
async fn matrix(part: usize, of: usize) -> usize {
    let (mut cases, mut plays, mut done, mut wrong) = (0, 0, BTreeSet::new(), Vec::new());
    for story in stories::all().await {
        let calm = play(&story, Vec::new()).await;
        let mut operations = Vec::from_iter(story.operations().await);
        // In a run an operation fails once, in the first story that calls it. STS is asked for two reasons.
        // Listings need the world in which there are others beside them.
        operations.retain(|operation| {
            story.act != Act::Run
                || ((story.is_whole || listing_of(operation).is_none()) && done.insert(operation.clone()))
                || operation.0 == "sts"
        });
        let (passing, lasting): (Vec<_>, Vec<_>) = troubles().into_iter().partition(Trouble::passes);
        let mut packs = packs(operations);
        if let Some(only) = only() {
            packs.retain(|pack| pack.iter().any(|(_, operation)| *operation == only));
        }
        // What lasts uses up the retries that the SDK allows a process: what passes comes before it.
        for troubles in [passing, lasting] {
            for (broken, trouble) in packs.iter().flat_map(|broken| troubles.iter().map(move |t| (broken, t))) {
                // All listings hang and break off in the same caller: for ever is enough for them.
                if broken.len() > 1
                    && trouble.passes()
                    && matches!(trouble.kind, FaultKind::Hang | FaultKind::TruncatedBody)
                {
                    continue;
                }
                cases += broken.len();
                plays += 1;
                if plays % of != part {
                    continue;
                }
                let fault = |(service, operation): &Operation| {
                    Fault::new(service, trouble.kind.clone()).operation(operation).times(trouble.times)
                };
                let played = play(&story, broken.iter().map(fault).collect()).await;
                let case = Case { story: &story, calm: &calm, broken, trouble };
                for what in case.check(&played) {
                    let (of, named) = (broken.len(), &broken[0]);
                    wrong.push(format!(
                        "{}: {named:?}, 1 of {of}, {:?} {:?}: {what}",
                        story.name, trouble.kind, trouble.times
                    ));
                }
            }
        }
    }
    let list: Vec<&str> = wrong.iter().map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} defects in {cases} cases:\n{}", wrong.len(), list.join("\n"));
    eprintln!("{cases} cases of calls that fail, a part of them here");
    cases
}

const LEAST: usize = 1_000;

/// One operation alone, while somebody works on it: `MATRIX=ListUsers cargo test --test it matrix::`.
fn only() -> Option<String> {
    std::env::var("MATRIX").ok()
}

#[tokio::test(start_paused = true)]
async fn every_call_fails_every_way_one_half() {
    let cases = matrix(0, 2).await;
    assert!(cases >= LEAST || only().is_some(), "{cases} cases");
}

#[tokio::test(start_paused = true)]
async fn every_call_fails_every_way_the_other_half() {
    let cases = matrix(1, 2).await;
    assert!(cases >= LEAST || only().is_some(), "{cases} cases");
}
