//! The judgement: before, change, after, limit, and whether it fits.

use serde::Serialize;

use super::changes::Changes;
use super::delta::{Delta, Place};
use super::readings::{Readings, Row};
use crate::catalogue::{self, Quota, Service};
use crate::domain::Scope;
use crate::domain::increase::{Increase, desired};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Fits,
    /// At or above the warning threshold, and not above the limit.
    Warning,
    DoesNotFit,
    Unknown,
}

impl Verdict {
    /// Which of several tells most about all of them.
    fn gravity(self) -> u8 {
        match self {
            Self::Fits => 0,
            Self::Warning => 1,
            Self::Unknown => 2,
            Self::DoesNotFit => 3,
        }
    }
}

/// One quota at one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub quota_code: &'static str,
    pub quota_name: &'static str,
    /// The instance's id, `account`, `unknown instance`, or `fullest resource`.
    pub instance: String,
    pub before: Option<f64>,
    pub change: f64,
    /// How many more there are for a while, where replacements are made before the old ones go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meanwhile: Option<f64>,
    pub after: Option<f64>,
    pub limit: Option<f64>,
    pub status: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The command that asks AWS for more, where it does not fit and AWS takes such a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increase_command: Option<String>,
}

impl Line {
    /// The most of the limit that is used while the plan is carried out; 1 is all of it.
    fn fullness(&self) -> f64 {
        let Some((after, limit)) = self.after.zip(self.limit) else { return f64::NEG_INFINITY };
        let peak = after + self.meanwhile.unwrap_or_default();
        if limit > 0.0 { peak / limit } else { f64::INFINITY }
    }
}

/// Judges every change. `warning` is a percentage of the limit.
#[must_use]
pub fn assess(changes: &Changes, readings: &Readings, warning: f64) -> Vec<Line> {
    let judged = changes.deltas.iter().filter_map(|((key, place), delta)| {
        let quota = catalogue::find(key)?;
        let judge = Judge { quota, delta: *delta, readings, warning };
        Some(match place {
            _ if quota.scope == Scope::Resource => judge.of_resources(),
            Place::Account => judge.line("account", readings.of_account(key, quota.service.code()), None),
            Place::Instance(id) => judge.of_instance(id),
            Place::UnknownInstance => judge.of_unknown(changes),
        })
    });
    judged.collect()
}

struct Judge<'a> {
    quota: &'static Quota,
    delta: Delta,
    readings: &'a Readings,
    warning: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of resources are far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

impl Judge<'_> {
    fn change(&self) -> f64 {
        float(self.delta.creates) - float(self.delta.deletes)
    }

    fn of_instance(&self, id: &str) -> Line {
        let row = self.readings.of_instance(id, self.quota.key(), self.quota.service.code());
        let is_seen = self.readings.instances.iter().any(|(known, _)| known == id);
        let mut line = self.line(id, row, Some(id));
        if !is_seen {
            line.note = Some("the reading does not have this instance".to_owned());
        }
        line
    }

    /// The instance is not known: it fits where every instance has room, and does not where none has.
    fn of_unknown(&self, changes: &Changes) -> Line {
        let lines = self.readings.instances.iter().map(|(id, _)| {
            let known = changes.deltas.get(&(self.quota.key(), Place::Instance(id.clone()))).copied();
            let delta = self.delta.plus(known.unwrap_or_default());
            Judge { delta, ..*self }.of_instance(id)
        });
        let lines: Vec<Line> = lines.collect();
        let is_new = changes.deltas.get(&("L-AA17A6B9", Place::Account)).is_some_and(|d| d.creates > 0);
        let count = |verdict| lines.iter().filter(|line| line.status == verdict).count();
        let fullest = lines
            .iter()
            .max_by(|a, b| a.status.gravity().cmp(&b.status.gravity()).then(a.fullness().total_cmp(&b.fullness())));
        let blank = || self.line("unknown instance", None, None);
        let mut line = fullest.cloned().unwrap_or_else(blank);
        let name = std::mem::replace(&mut line.instance, "unknown instance".to_owned());
        line.change = self.change();
        let (unknown, full) = (count(Verdict::Unknown), count(Verdict::DoesNotFit));
        if is_new {
            line =
                Line { note: Some("the plan makes an instance, whose limits nobody knows yet".to_owned()), ..blank() };
        } else if lines.is_empty() {
            line.note = Some("the reading has no instance".to_owned());
        } else if unknown == 0 && full == 0 || full == lines.len() {
            line.note = Some(format!("judged at {name}, the fullest of {}", lines.len()));
        } else {
            line.status = Verdict::Unknown;
            line.increase_command = None;
            let all = lines.len();
            line.note = Some(format!(
                "{full} of {all} instances have no room and {unknown} are not known: name the instance with --instance ID"
            ));
        }
        line
    }

    /// What is counted in each resource: the reading has the fullest one only.
    fn of_resources(&self) -> Line {
        let (key, service) = (self.quota.key(), self.quota.service.code());
        let rows: Vec<&Row> = self.readings.everywhere(key, service).collect();
        let is_seen = rows.iter().all(|row| row.usage.is_some());
        let usage = |row: &&&Row| row.usage.unwrap_or_default();
        let fullest = rows.iter().max_by(|a, b| usage(a).total_cmp(&usage(b))).filter(|_| is_seen);
        let mut line = self.line("fullest resource", fullest.copied(), None);
        if line.status == Verdict::DoesNotFit {
            line.status = Verdict::Unknown;
            line.increase_command = None;
            let note = "it would not fit into the fullest one, and the plan does not say whether that one is meant";
            line.note = Some(note.to_owned());
        }
        // What stands in no row of the account stands in each instance: one that was not read may have a fuller one.
        let unread = match self.readings.of_account(key, service) {
            Some(_) => 0,
            None => self.readings.without(key, service),
        };
        if unread > 0 && !rows.is_empty() {
            line.status = Verdict::Unknown;
            line.note = Some(match unread {
                1 => "1 instance is not in this reading".to_owned(),
                more => format!("{more} instances are not in this reading"),
            });
        }
        line
    }

    fn line(&self, instance: &str, row: Option<&Row>, id: Option<&str>) -> Line {
        let blank = Row::default();
        let seen = row.unwrap_or(&blank);
        let change = self.change();
        let after = seen.usage.map(|usage| (usage + change).max(0.0));
        let first = float(self.delta.creates_first);
        let peak = after.map(|after| after + first);
        let (status, note) = self.judged(row, peak);
        let has_command = status == Verdict::DoesNotFit && !seen.has_no_increase && self.quota.is_listed();
        Line {
            quota_code: self.quota.code,
            quota_name: self.quota.name,
            instance: instance.to_owned(),
            before: seen.usage,
            change,
            meanwhile: (first > 0.0).then_some(first),
            after,
            limit: seen.limit,
            status,
            note,
            increase_command: if has_command { self.command(seen, peak, id) } else { None },
        }
    }

    fn judged(&self, row: Option<&Row>, peak: Option<f64>) -> (Verdict, Option<String>) {
        let unknown = |why: &str| (Verdict::Unknown, Some(why.to_owned()));
        let Some(row) = row else { return unknown("the reading has no row of this quota") };
        let Some(peak) = peak else { return unknown("its usage is not known") };
        let Some(limit) = row.limit else { return unknown("its limit is not known") };
        let grows = self.change() > 0.0 || self.delta.creates_first > 0;
        if peak > limit && grows {
            return (Verdict::DoesNotFit, None);
        }
        if row.is_lower_bound && grows {
            return unknown("the usage is at least this number, and may be higher");
        }
        let is_near = limit > 0.0 && peak / limit * 100.0 >= self.warning || peak > limit;
        (if is_near { Verdict::Warning } else { Verdict::Fits }, None)
    }

    fn command(&self, row: &Row, peak: Option<f64>, id: Option<&str>) -> Option<String> {
        let (region, account) = (&self.readings.region, &self.readings.account_id);
        // Somebody will paste it: what is no plain word of AWS makes no command.
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_plain(region) || !is_plain(account) || !id.is_none_or(is_plain) {
            return None;
        }
        let context = id.filter(|_| self.quota.service == Service::Connect).map(|id| {
            let partition = match region {
                region if region.starts_with("cn-") => "aws-cn",
                region if region.starts_with("us-gov-") => "aws-us-gov",
                _ => "aws",
            };
            format!("arn:{partition}:connect:{region}:{account}:instance/{id}")
        });
        let wanted = Increase {
            service_code: self.quota.service.code().to_owned(),
            quota_code: self.quota.code.to_owned(),
            desired: desired(row.limit?, peak?),
            context,
        };
        Some(wanted.command(region))
    }
}
