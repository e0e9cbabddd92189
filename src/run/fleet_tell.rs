//! Telling what changed in a fleet, once: what readers know is one document, written only where it is still the version
//! that was read. A claim stands before the message, as in the ledgers of single subjects.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::cell::later;
use super::fleet_search::Papers;
use crate::answer::Alerts;
use crate::domain::{Account, Fault, FaultKind};
use crate::fleet::compare::{Compared, News, compare};
use crate::fleet::key;
use crate::fleet::report::FleetReport;
use crate::fleet::told::Told;
use crate::say;
use crate::send::Sent;

/// Writers that meet at the document try again so many times.
const TRIES: usize = 8;
/// After this long a claim that nobody finished ends.
const CLAIM: SignedDuration = SignedDuration::from_secs(120);
const MOST_BYTES: i64 = 16 * 1024 * 1024;

/// What a digest has to tell, and what came of it.
pub(super) struct Telling {
    told: Told,
    etag: Option<String>,
    news: News,
    next: Told,
    is_readable: bool,
    began: Instant,
    pub alerts: Alerts,
    pub problems: Vec<String>,
}

impl Telling {
    /// Reads what readers know, and compares it with what is so now.
    pub(super) async fn begin(papers: &Papers, compared: &Compared<'_>) -> Self {
        let mut telling = Self {
            told: Told::default(),
            etag: None,
            news: News::default(),
            next: Told::default(),
            is_readable: true,
            began: Instant::now(),
            alerts: Alerts::default(),
            problems: Vec::new(),
        };
        if let Err(why) = telling.read(papers).await {
            // What cannot be read is not overwritten: this digest tells what it would tell at first, and leaves it so.
            telling.problems.push(why);
            telling.is_readable = false;
        }
        telling.compare(compared);
        telling
    }

    async fn read(&mut self, papers: &Papers) -> Result<(), String> {
        let about = |why: String| format!("{}: {why}", key::TOLD);
        let read = papers.0.stores.object(key::TOLD, MOST_BYTES).await.map_err(|fault| about(fault.to_string()))?;
        (self.told, self.etag) = match read {
            None => (Told::default(), None),
            Some((bytes, etag)) => (Told::parse(&bytes).map_err(about)?, Some(etag)),
        };
        Ok(())
    }

    fn compare(&mut self, compared: &Compared<'_>) {
        (self.news, self.next) = compare(&self.told, compared);
    }

    pub(super) fn news(&self) -> &News {
        &self.news
    }

    /// What readers know once they have the news.
    pub(super) fn next(&self) -> &Told {
        &self.next
    }

    /// Claims the news, publishes them, and records that they are told.
    pub(super) async fn tell(
        &mut self,
        papers: &Papers,
        report: &FleetReport,
        account: &Account,
        compared: &Compared<'_>,
        page: Option<&str>,
    ) {
        if !papers.0.channels.any() {
            self.alerts.note = Some("there is no channel: nothing is told");
            return;
        }
        if !self.is_readable {
            self.publish(papers, report, account, page).await;
            return;
        }
        for _ in 0..TRIES {
            let now = later(compared.now, self.began.elapsed());
            if self.news.is_empty() {
                if self.next == self.told {
                    return;
                }
                match self.write(papers, &self.next.clone()).await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(why) => return self.problems.push(why),
                }
            } else if self.told.claimed_until.is_some_and(|until| until > now) {
                // Another digest is telling the same at this moment.
                self.alerts.suppressed = 1;
                return;
            } else {
                let by = Some(format!("{:016x}", fastrand::u64(..)));
                let claimed = Told { claimed_until: until(now), claimed_by: by, ..self.told.clone() };
                match self.write(papers, &claimed).await {
                    Ok(true) => return self.tell_claimed(papers, report, account, page).await,
                    Ok(false) => {}
                    Err(why) => return self.problems.push(why),
                }
            }
            if let Err(why) = self.read(papers).await {
                return self.problems.push(why);
            }
            self.compare(compared);
        }
        self.problems.push(format!("{} was written by others {TRIES} times in a row", key::TOLD));
    }

    async fn tell_claimed(&mut self, papers: &Papers, report: &FleetReport, account: &Account, page: Option<&str>) {
        let is_told = self.publish(papers, report, account, page).await;
        let after = if is_told {
            self.next.clone()
        } else {
            Told { claimed_until: None, claimed_by: None, ..self.told.clone() }
        };
        match self.write(papers, &after).await {
            Ok(true) => {}
            Ok(false) => self.problems.push(format!("{} was written by another digest meanwhile", key::TOLD)),
            Err(why) => self.problems.push(why),
        }
    }

    async fn publish(&mut self, papers: &Papers, report: &FleetReport, account: &Account, page: Option<&str>) -> bool {
        if self.news.is_empty() {
            return true;
        }
        let channels = &papers.0.channels;
        let mut is_told = true;
        if channels.alerts.is_some() {
            match channels.publish(&say::fleet::message(report, &self.news, account, page)).await {
                Ok(()) => self.alerts.sent = 1,
                Err(fault) => {
                    is_told = false;
                    self.alerts.failed = 1;
                    self.problems.push(fault.to_string());
                }
            }
        }
        let events = say::fleet::events(report, &self.news);
        for channel in channels.events.iter().filter(|_| !events.is_empty()) {
            let Sent { accepted, faults } = channels.send(channel, &events).await;
            is_told &= accepted == events.len();
            self.problems.extend(faults.iter().map(ToString::to_string));
        }
        is_told
    }

    /// False where somebody else has written it since. A write whose answer was lost may have been done, and then the
    /// next attempt meets its own text.
    async fn write(&mut self, papers: &Papers, told: &Told) -> Result<bool, String> {
        let about = |fault: Fault| format!("{}: {fault}", key::TOLD);
        let body = serde_json::to_vec(told)
            .map_err(|e| about(Fault::new("s3:PutObject", FaultKind::Invalid, e.to_string())))?;
        let stores = &papers.0.stores;
        let mut etag = stores.put_if_still(key::TOLD, body.clone(), self.etag.as_deref()).await.map_err(about)?;
        if etag.is_none() {
            let there = stores.object(key::TOLD, MOST_BYTES).await.map_err(about)?;
            etag = there.filter(|(there, _)| *there == body).map(|(_, etag)| etag);
        }
        let is_written = etag.is_some();
        if is_written {
            self.etag = etag;
        }
        Ok(is_written)
    }
}

fn until(now: Timestamp) -> Option<Timestamp> {
    now.checked_add(CLAIM).ok()
}
