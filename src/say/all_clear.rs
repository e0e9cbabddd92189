//! After a long silence: that the monitor watches, how much, what is fullest, and what it cannot see. Pure.

use jiff::Timestamp;

use super::digest::Context;
use super::text::Page;
use super::words::{NAME, ascii, clip, counted, date_and_time, list, plain, reading};
use super::{LONGEST_SUBJECT, Message, SMS, attributes, body, document};
use crate::domain::{Impact, Instance, Metric, Status};
use crate::ledger::{Event, Severity};

/// So many of the fullest quotas are named.
const FULLEST: usize = 5;
/// Names in one line.
const NAMES: usize = 8;

/// What a run saw of all its subjects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    pub instances: usize,
    /// Instances for which the run had no time.
    pub left_out: usize,
    /// Rows that could be judged.
    pub quotas: usize,
    /// Rows of quotas for which AWS offers no way.
    pub not_measurable: usize,
    pub violations: usize,
    /// Violations and unknown rows that a mute keeps from being told.
    pub muted: usize,
    /// Quotas that could not be measured this time, with their instance.
    pub unseen: Vec<String>,
    /// The fullest first.
    pub fullest: Vec<Full>,
}

/// A quota by how full it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Full {
    pub percent: f64,
    /// The quota, its instance and its reading.
    pub text: String,
}

impl Overview {
    /// Adds the rows of an instance, or of the account.
    pub fn add(&mut self, instance: Option<&Instance>, metrics: &[Metric]) {
        self.instances += usize::from(instance.is_some());
        let place = |metric: &Metric| {
            let quota = plain(&metric.quota_name, NAME);
            instance.map_or_else(|| quota.clone(), |i| format!("{quota} ({})", plain(i.display_name(), NAME)))
        };
        for metric in metrics {
            match metric.status {
                Status::Ok | Status::Warning | Status::Critical => self.quotas += 1,
                Status::NotMeasurable => self.not_measurable += 1,
                Status::Unknown if metric.muted.is_none() => self.unseen.push(place(metric)),
                Status::Unknown => {}
            }
            self.violations += usize::from(metric.is_violation());
            let is_notable = matches!(metric.status, Status::Warning | Status::Critical | Status::Unknown);
            self.muted += usize::from(is_notable && metric.muted.is_some());
            if let Some(percent) = metric.utilization.filter(|_| metric.is_summarized()) {
                let at = self.fullest.partition_point(|full| full.percent >= percent);
                if at < FULLEST {
                    let text = format!("{}: {}", place(metric), reading(metric));
                    self.fullest.insert(at, Full { percent, text });
                    self.fullest.truncate(FULLEST);
                }
            }
        }
    }

    /// Nothing is over its threshold or unknown, and every instance had its turn.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.violations == 0 && self.unseen.is_empty() && self.left_out == 0
    }
}

/// The message that nothing was told since `since`. `days`: after which such a message is due.
#[must_use]
pub fn all_clear(context: &Context<'_>, overview: &Overview, since: Timestamp, days: u32) -> Message {
    let account = context.account;
    let word = if overview.is_clear() { "all clear" } else { "still watching" };
    let (id, region) = (ascii(&account.id), ascii(&account.region));
    let silent = context.now.duration_since(since).as_hours() / 24;
    let subject = format!("Connect Quota Monitor - {word}: {id} {region}, nothing told for {silent} days");
    let fullest = overview.fullest.first().map(|full| format!(", fullest: {}", ascii(&full.text)));
    let sms = format!("Connect Quota Monitor {word}: {id} {region}{}", fullest.unwrap_or_default());
    let text = text(context, overview, since, days);
    Message {
        subject: clip(&subject, LONGEST_SUBJECT),
        body: body(&text, &clip(&sms, SMS), &document::all_clear(context, overview, since)),
        attributes: attributes(Event::Reminder, Severity::Info, Impact::Build, None, account),
        text,
    }
}

fn text(context: &Context<'_>, overview: &Overview, since: Timestamp, days: u32) -> String {
    let mut page = Page::default();
    page.line(super::text::account_line(context.account));
    page.line(format!(
        "The monitor of Amazon Connect quotas watches. Nothing had to be told since {}.",
        date_and_time(since)
    ));
    page.section("WATCHED:");
    page.bullet(format!(
        "{} and the account: {} measured",
        counted(overview.instances, "instance"),
        counted(overview.quotas, "quota")
    ));
    if overview.left_out > 0 {
        page.bullet(format!("{} had no turn in this run", counted(overview.left_out, "instance")));
    }
    if overview.violations > 0 {
        page.bullet(format!("{} told before, and not over", counted(overview.violations, "violation")));
    }
    if overview.muted > 0 {
        page.bullet(format!("{} muted by QUOTA_OVERRIDES", counted(overview.muted, "quota")));
    }
    page.section("FULLEST:");
    if overview.fullest.is_empty() {
        page.bullet("none has a utilization");
    }
    for full in &overview.fullest {
        page.bullet(&full.text);
    }
    page.section("COULD NOT BE MEASURED:");
    match overview.unseen.len() {
        0 => page.bullet("nothing failed in this run"),
        count => page.bullet(format!("{} in this run: {}", counted(count, "quota"), list(&overview.unseen, NAMES))),
    }
    if overview.not_measurable > 0 {
        let quotas = counted(overview.not_measurable, "quota");
        page.bullet(format!("{quotas} for which AWS offers no way; the command `quotas` names them"));
    }
    page.line("");
    page.line(format!("Sent because no alert was sent for {} (ALL_CLEAR_DAYS).", counted(days as usize, "day")));
    super::text::origin_lines(&mut page, context);
    page.0
}
