//! `test_alert`: one clearly marked message or event through every channel, and nothing else.

use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::app::{App, Moment};
use crate::answer::Events;
use crate::config::ConfigError;
use crate::domain::{Account, FaultRecord};
use crate::run::error::RunError;
use crate::say;
use crate::say::outgoing;
use crate::say::outgoing::Event;
use crate::send::Sent;

impl App {
    /// Sends one clearly marked message or event through every channel, and nothing else.
    ///
    /// # Errors
    /// [`RunError::Config`] without any channel, [`RunError::Sink`] where one refuses, after all have
    /// been tried.
    pub async fn test_alert(&self, moment: Moment) -> Result<Value, RunError> {
        let Moment { now, deadline, end } = moment;
        let sinks = self.sinks.until(end);
        if !self.sinks.channels.any() {
            let why = "none of ALERT_SNS_TOPIC_ARN, EVENTS_SNS_TOPIC_ARN and EVENT_BUS_NAME is set: there is nowhere \
                       to send a test to";
            return Err(RunError::Config(ConfigError(vec![why.to_owned()])));
        }
        let account = self.account_of_channels(deadline).await?;
        let mut problems = Vec::new();
        let mut alerts = 0;
        if sinks.channels.alerts.is_some() {
            match sinks.channels.publish(&say::test_message(&account, now)).await {
                Ok(()) => alerts = 1,
                Err(fault) => problems.push(format!("ALERT_SNS_TOPIC_ARN: {fault}")),
            }
        }
        let event: [Event; 1] = [outgoing::test(&account, now)];
        let mut sent = Events::default();
        for channel in &self.sinks.channels.events {
            let Sent { accepted, faults } = sinks.channels.send(channel, &event).await;
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
        if !self.sinks.channels.events.is_empty() {
            answer["events"] = json!(sent);
        }
        // The topic took the message. Whether anybody gets it is another question.
        match sinks.channels.subscriptions().await {
            Some(Ok(found)) => answer["confirmed_subscriptions"] = json!(found.confirmed),
            Some(Err(fault)) => answer["faults"] = json!([FaultRecord::from(&fault)]),
            None => {}
        }
        Ok(answer)
    }

    /// Whose account it is: the topics' ARNs say so, and STS where there is only a bus.
    async fn account_of_channels(&self, deadline: Instant) -> Result<Account, RunError> {
        let config = &self.config;
        let Some(arn) = config.alert_topic_arn.as_ref().or(config.events_topic_arn.as_ref()) else {
            let account = self.aws.account(&[], deadline).await.map_err(|fault| RunError::Sink(fault.to_string()))?;
            return Ok(Account { named: self.named.clone(), ..account });
        };
        let part = |n| arn.split(':').nth(n).unwrap_or_default().to_owned();
        Ok(Account { id: part(4), region: part(3), partition: part(1), named: self.named.clone() })
    }
}
