//! The run's messages and events: sent when every snapshot is stored, and written down as told.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::run::Run;
use super::{App, Moment};
use crate::alert::{self, Rows};
use crate::changes::{News, compare};
use crate::config::ConfigError;
use crate::error::RunError;
use crate::events::{self, Event};
use crate::model::{Account, Instance};
use crate::report::Events;
use crate::sink::Sent;
use crate::snapshot::{AlertState, Snapshot};

/// A message that waits until every snapshot is stored.
pub(super) struct Pending {
    pub(super) instance: Option<Instance>,
    /// As it is stored.
    pub(super) snapshot: Snapshot,
    pub(super) news: News,
    /// What the reader knows once the message is out.
    pub(super) told: AlertState,
    /// What the reader knew when the run began; none where nothing is stored.
    pub(super) before: Option<AlertState>,
}

impl Run<'_> {
    /// Sends what is new through every channel, and writes down that it was told. What one channel
    /// refused is news again in the next run, for all of them: repeated there, and lost nowhere.
    pub(super) async fn send_alerts(&mut self) {
        if !self.sinks.has_channels() {
            return;
        }
        for mut pending in std::mem::take(&mut self.pending) {
            if self.keeps_state && !self.is_still_news(&mut pending).await {
                self.alerts.suppressed += usize::from(pending.snapshot.violations_count > 0);
                continue;
            }
            let is_published = self.publish(&pending).await;
            let is_sent = self.send_events(&pending).await;
            if is_published && is_sent && self.keeps_state {
                self.stamp(&mut pending.told);
                pending.snapshot.memory.alert_state = pending.told;
                self.sinks.record(&pending.snapshot, &mut self.faults).await;
            }
        }
    }

    /// The message for people. True where nothing is left to do.
    async fn publish(&mut self, pending: &Pending) -> bool {
        if self.sinks.alerts.is_none() {
            return true;
        }
        let context = self.context(pending);
        let message = alert::compose(&context, &Rows::of(&pending.snapshot, &pending.news), &pending.news);
        match self.sinks.publish(&message).await {
            Ok(()) => {
                self.alerts.sent += 1;
                true
            }
            Err(mut fault) => {
                self.alerts.failed += 1;
                fault.instance_id = pending.instance.as_ref().map(|i| i.id.clone());
                self.faults.push(fault);
                false
            }
        }
    }

    /// The events for programs. A run at a threshold of its own sends none: it would open incidents
    /// that no scheduled run knows of, and so none would resolve.
    async fn send_events(&mut self, pending: &Pending) -> bool {
        if self.sinks.events.is_empty() || !self.keeps_state {
            return true;
        }
        let events = events::of(&self.context(pending), &pending.snapshot.metrics, &pending.news);
        let mut all_sent = true;
        for channel in &self.sinks.events {
            let Sent { accepted, faults } = self.sinks.send(channel, &events).await;
            self.events.sent += accepted;
            self.events.failed += events.len() - accepted;
            all_sent &= accepted == events.len();
            for mut fault in faults {
                fault.instance_id = pending.instance.as_ref().map(|i| i.id.clone());
                self.faults.push_once(&fault);
            }
        }
        all_sent
    }

    fn context<'a>(&'a self, pending: &'a Pending) -> alert::Context<'a> {
        alert::Context {
            account: &self.account,
            instance: pending.instance.as_ref(),
            thresholds: self.thresholds,
            execution_id: &self.execution_id,
            now: self.now,
        }
    }

    /// Looks once more whether another run told it meanwhile, and compares again if one did.
    async fn is_still_news(&mut self, pending: &mut Pending) -> bool {
        let key = &pending.snapshot.instance_id;
        let meanwhile = self.sinks.memory(key, self.now, &self.execution_id).await;
        let Some(memory) = meanwhile.memory else { return true };
        let before = pending.before.clone().unwrap_or_default();
        let known = before.clone().latest(memory.alert_state);
        if known == before {
            return true;
        }
        let again = compare(Some(&known), &pending.snapshot.metrics, self.now, self.app.config.reminder_hours);
        let Some(news) = again.news else { return false };
        (pending.news, pending.told) = (news, again.told);
        true
    }

    /// Of two runs that overlap the one that told last counts, not the one that began last.
    fn stamp(&self, told: &mut AlertState) {
        let passed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or_default();
        let at = self.now.checked_add(SignedDuration::from_secs(passed)).unwrap_or(Timestamp::MAX);
        told.0.values_mut().filter(|t| t.told_at == self.now).for_each(|t| t.told_at = at);
    }
}

impl App {
    /// Sends one clearly marked message or event through every channel, and nothing else.
    ///
    /// # Errors
    /// [`RunError::Config`] without any channel, [`RunError::Sink`] where one refuses, after all have
    /// been tried.
    pub async fn test_alert(&self, moment: Moment) -> Result<Value, RunError> {
        let Moment { now, deadline, end } = moment;
        let sinks = self.sinks.until(end);
        if !self.sinks.has_channels() {
            let why = "none of ALERT_SNS_TOPIC_ARN, EVENTS_SNS_TOPIC_ARN and EVENT_BUS_NAME is set: there is nowhere \
                       to send a test to";
            return Err(RunError::Config(ConfigError(vec![why.to_owned()])));
        }
        let account = self.account_of_channels(deadline).await?;
        let mut problems = Vec::new();
        let mut alerts = 0;
        if sinks.alerts.is_some() {
            match sinks.publish(&alert::test_message(&account, now)).await {
                Ok(()) => alerts = 1,
                Err(fault) => problems.push(format!("ALERT_SNS_TOPIC_ARN: {fault}")),
            }
        }
        let event: [Event; 1] = [events::test(&account, now)];
        let mut sent = Events::default();
        for channel in &self.sinks.events {
            let Sent { accepted, faults } = sinks.send(channel, &event).await;
            sent.sent += accepted;
            problems.extend(faults.iter().map(|fault| format!("{}: {fault}", channel.name())));
        }
        if !problems.is_empty() {
            return Err(RunError::Sink(problems.join("; ")));
        }
        let mut answer = json!({
            "execution_id": Uuid::new_v4().to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "test_alert": true,
            "alerts": { "sent": alerts, "suppressed": 0, "failed": 0 },
        });
        if let Some(arn) = &self.config.alert_topic_arn {
            answer["topic_arn"] = json!(arn);
        }
        if !self.sinks.events.is_empty() {
            answer["events"] = json!(sent);
        }
        Ok(answer)
    }

    /// Whose account it is: the topics' ARNs say so, and STS where there is only a bus.
    async fn account_of_channels(&self, deadline: Instant) -> Result<Account, RunError> {
        let config = &self.config;
        let Some(arn) = config.alert_topic_arn.as_ref().or(config.events_topic_arn.as_ref()) else {
            return self.aws.account(&[], deadline).await.map_err(|fault| RunError::Sink(fault.to_string()));
        };
        let part = |n| arn.split(':').nth(n).unwrap_or_default().to_owned();
        Ok(Account { id: part(4), region: part(3), partition: part(1) })
    }
}
