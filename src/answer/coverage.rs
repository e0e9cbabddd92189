//! What the catalogue covers, for people: the table of `connect-quota-monitor quotas` and of
//! docs/COVERAGE.md. Pure, and made from the catalogue alone.

use std::fmt::Write;

use serde::Serialize;

use crate::catalogue::{self, Category, Listing, Meter, Place, Quota};
use crate::domain::NO_CODE;

/// One quota, as the coverage shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub quota_code: &'static str,
    pub quota_name: &'static str,
    pub service_code: &'static str,
    pub category: &'static str,
    pub scope: &'static str,
    /// `live` or `build`: what happens when it is full.
    pub impact: &'static str,
    /// AWS allows one by design: 1 of 1 is `ok`.
    pub one_by_design: bool,
    /// AWS's documented default; null where none is published.
    pub default: Option<f64>,
    pub measured: bool,
    /// `measured`, `bounded`, `as soon as AWS publishes it` or `limit only`.
    pub class: &'static str,
    /// Where the usage comes from; empty where it is not measured.
    pub how: String,
    /// Why it is not measured.
    pub why_not: Option<&'static str>,
    /// The doubt that stands beside the number.
    pub note: Option<&'static str>,
}

impl Row {
    fn of(quota: &Quota) -> Self {
        let why_not = if let Meter::NotMeasurable(reason) = quota.meter { Some(reason) } else { None };
        Self {
            quota_code: quota.code,
            quota_name: quota.name,
            service_code: quota.service.code(),
            category: quota.category.as_str(),
            scope: quota.scope.as_str(),
            impact: quota.impact.as_str(),
            one_by_design: quota.is_single,
            default: quota.default,
            measured: why_not.is_none(),
            class: CLASSES[class(quota)],
            how: how(quota.meter),
            why_not,
            note: quota.note,
        }
    }
}

/// How far a quota's usage is known.
const CLASSES: [&str; 4] = ["measured", "bounded", "as soon as AWS publishes it", "limit only"];

fn class(quota: &Quota) -> usize {
    match quota.meter {
        Meter::Burst | Meter::SumOf(_) => 1,
        // A metric that Service Quotas names is read at once.
        Meter::NotMeasurable(_) if quota.category == Category::ApiRates && quota.is_listed() => 2,
        Meter::NotMeasurable(_) => 3,
        _ => 0,
    }
}

fn how(meter: Meter) -> String {
    let source = meter.source();
    match meter {
        Meter::CountIn(_, group) => format!("{source}, those of type {group}"),
        Meter::DistinctIn(_, group) => format!("{source}, distinct ones of type {group} over all instances"),
        Meter::OfInstance(_) => format!("{source}, asked once for all instances"),
        Meter::CountWithDistinct(all, distinct) => {
            format!("{}, and the distinct ones of {}", all.qualified(), distinct.qualified())
        }
        Meter::Burst => format!("an upper bound: {source} of the rate quota beside it"),
        Meter::QueueCapacity(listing) => {
            format!(
                "{source} of each queue that has a maximum, against it ({}); QueueCapacityExceededError",
                listing.qualified()
            )
        }
        Meter::Bounded(visit) => {
            let parent = visit.parent().map(Listing::qualified).unwrap_or_default();
            let visit = visit.qualified();
            format!(
                "a bound of each from {parent}; {visit} where the bound passes the threshold, within DETAIL_CALL_BUDGET"
            )
        }
        Meter::WorstGroup(..) => format!("{source}, the fullest"),
        Meter::WorstMarked(..) => format!("{source}, those that are marked as such, the fullest"),
        Meter::Trail(_) => format!("{source}, at most four times a day"),
        Meter::SumOf(_) => format!("an upper bound: {source} of all instances together"),
        Meter::Higher(..) => format!("{source}, the highest; within DETAIL_CALL_BUDGET"),
        Meter::SumIn(_, group, kind) => {
            format!("{source} ({group}) of each integration of the kind {kind}; within DETAIL_CALL_BUDGET")
        }
        Meter::Worst(listing) | Meter::WorstIn(listing, _) => {
            let of = match listing.place() {
                Place::Each(parent, _) => parent.qualified(),
                Place::Account | Place::Instance => String::new(),
            };
            let kind = if let Meter::WorstIn(_, group) = meter { format!(" ({group})") } else { String::new() };
            format!("{source}{kind} of each of {of}, the fullest; within DETAIL_CALL_BUDGET")
        }
        _ => source,
    }
}

/// Every quota of the catalogue, by category.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for category in Category::ALL {
        rows.extend(catalogue::all().filter(|q| q.category == *category).map(Row::of));
    }
    rows
}

/// docs/COVERAGE.md as a whole.
#[must_use]
pub fn markdown() -> String {
    let rows = rows();
    let all = count(&rows.iter().collect::<Vec<_>>());
    let mut text = format!(
        "# Coverage\n\n\
         The {} quotas of Amazon Connect and its companion services that the catalogue knows: {} are measured, and {} have an\n\
         upper bound. {} rates are measured as soon as Service Quotas names a usage metric for them. Of the other {} only the limit\n\
         is shown, with the reason. Codes that Service Quotas lists and the catalogue does not know appear in the account's\n\
         snapshot as `not in the catalogue`.\n\n\
         This page is generated: `connect-quota-monitor quotas --output markdown > docs/COVERAGE.md`. A test compares it with\n\
         the catalogue. `-` is a quota that AWS documents and Service Quotas does not list. When a `live` quota is full,\n\
         contacts or API calls are turned away; when a `build` quota is full, nothing new can be made.\n\n\
         | category | measured | bounded | as soon as AWS publishes it | limit only |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
        rows.len(),
        all[0],
        all[1],
        all[2],
        all[3],
    );
    let in_category = |category: &Category| rows.iter().filter(|r| r.category == category.as_str()).collect::<Vec<_>>();
    let shown: Vec<(&Category, Vec<&Row>)> =
        Category::ALL.iter().map(|c| (c, in_category(c))).filter(|(_, rows)| !rows.is_empty()).collect();
    for (category, rows) in &shown {
        let [measured, bounded, later, limits] = count(rows);
        let _ = writeln!(text, "| {} | {measured} | {bounded} | {later} | {limits} |", category.as_str());
    }
    for (category, rows) in &shown {
        let _ = write!(text, "\n## {}\n\n", title(category.as_str()));
        text.push_str(
            "| code | quota | service | scope | impact | default | measured by |\n\
             | --- | --- | --- | --- | --- | ---: | --- |\n",
        );
        for row in rows {
            let code = if row.quota_code == NO_CODE { "-".to_owned() } else { format!("`{}`", row.quota_code) };
            let default = row.default.map_or_else(String::new, |value| value.to_string());
            let how = match row.why_not {
                Some(why) => format!("{}: {why}", row.class),
                None => row.how.clone(),
            };
            let how = row.note.map_or(how.clone(), |note| format!("{how}. Note: {note}"));
            let how = if row.one_by_design { format!("{how}. One by design: 1 of 1 is `ok`") } else { how };
            let (name, service, scope, impact) = (row.quota_name, row.service_code, row.scope, row.impact);
            let _ = writeln!(text, "| {code} | {name} | {service} | {scope} | {impact} | {default} | {how} |");
        }
    }
    text
}

/// Rows of each class.
fn count(rows: &[&Row]) -> [usize; 4] {
    CLASSES.map(|class| rows.iter().filter(|row| row.class == class).count())
}

fn title(category: &str) -> String {
    let mut letters = category.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quota_of_the_catalogue_is_covered_once() {
        assert_eq!(rows().len(), catalogue::all().count());
        let gives_reason = |row: &Row| row.measured != row.why_not.is_some() && row.measured != row.how.is_empty();
        assert!(rows().iter().all(gives_reason));
    }

    #[test]
    fn cells_do_not_break_the_table() {
        let cells = rows().into_iter().flat_map(|r| [r.quota_name.to_owned(), r.how, r.note.unwrap_or("").to_owned()]);
        for cell in cells {
            assert!(!cell.contains(['|', '\n']), "{cell}");
        }
    }
}
