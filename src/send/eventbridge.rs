//! Amazon EventBridge: one entry per event.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::time::sleep;

use super::sent::Sent;
use crate::aws::fault::failure;
use crate::domain::{Fault, FaultKind};
use crate::say::outgoing::{Event, SOURCE};

pub(super) const OPERATION: &str = "events:PutEvents";
const DETAIL_TYPE: &str = "Connect Quota Transition";
/// EventBridge's limits for one request.
const MOST_ENTRIES: usize = 10;
const MOST_BYTES: usize = 256 * 1024;
/// What EventBridge counts for an entry's time.
const TIME_BYTES: usize = 14;
/// Rounds for entries that failed by themselves; the SDK repeats whole requests only.
const ROUNDS: u32 = 4;

#[derive(Debug, Clone)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// `bus`: a bus's name or ARN.
    #[must_use]
    pub fn new(sdk: &SdkConfig, bus: &str) -> Self {
        Self { client: Client::new(sdk), bus: bus.to_owned() }
    }

    /// Puts the events on the bus. A bus that does not exist takes them too, and nobody sees them.
    pub async fn send(&self, events: &[Event]) -> Sent {
        let mut sent = Sent::default();
        for batch in batches(events) {
            let mut left: Vec<&Event> = batch.iter().collect();
            for round in 1..=ROUNDS {
                let failed = match self.put(&left).await {
                    Ok(failed) => failed,
                    Err(fault) => {
                        sent.faults.push(fault);
                        break;
                    }
                };
                sent.accepted += left.len() - failed.len();
                let again: Vec<&Event> = failed.iter().filter(|f| f.may_pass).map(|f| left[f.place]).collect();
                if round == ROUNDS || again.is_empty() {
                    sent.faults.extend(failed.into_iter().map(|f| f.fault));
                    break;
                }
                sent.faults.extend(failed.into_iter().filter(|f| !f.may_pass).map(|f| f.fault));
                left = again;
                sleep(Duration::from_millis(200) * 2u32.pow(round)).await;
            }
        }
        sent
    }

    /// The entries that EventBridge refused.
    async fn put(&self, events: &[&Event]) -> Result<Vec<Refused>, Fault> {
        let entries = events.iter().map(|event| {
            PutEventsRequestEntry::builder()
                .time(DateTime::from_secs(event.time.as_second()))
                .source(SOURCE)
                .detail_type(DETAIL_TYPE)
                .detail(&event.body)
                .set_resources(event.resource.clone().map(|arn| vec![arn]))
                .event_bus_name(&self.bus)
                .build()
        });
        let output = self
            .client
            .put_events()
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|e| failure(&e).into_fault(OPERATION))?;
        let results = output.entries();
        if results.len() != events.len() {
            let why = format!("an answer about {} entries instead of {}", results.len(), events.len());
            return Err(Fault::new(OPERATION, FaultKind::BadResponse, why));
        }
        let refused = results.iter().enumerate().filter_map(|(place, result)| {
            let code = result.error_code()?;
            Some(Refused::new(place, code, result.error_message().unwrap_or_default()))
        });
        Ok(refused.collect())
    }
}

/// An entry that failed by itself.
struct Refused {
    place: usize,
    may_pass: bool,
    fault: Fault,
}

impl Refused {
    fn new(place: usize, code: &str, message: &str) -> Self {
        let kind = match code {
            "ThrottlingException" => FaultKind::Throttled,
            "InternalFailure" | "InternalException" => FaultKind::Unavailable,
            "AccessDeniedException" | "NotAuthorizedForSourceException" => FaultKind::AccessDenied,
            _ => FaultKind::Invalid,
        };
        let may_pass = matches!(kind, FaultKind::Throttled | FaultKind::Unavailable);
        Self { place, may_pass, fault: Fault::new(OPERATION, kind, format!("{code}: {message}")) }
    }
}

/// Consecutive events, as many as one request may hold.
fn batches(events: &[Event]) -> Vec<&[Event]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (n, event) in events.iter().enumerate() {
        let size = size(event);
        if n > start && (n - start == MOST_ENTRIES || bytes + size > MOST_BYTES) {
            batches.push(&events[start..n]);
            (start, bytes) = (n, 0);
        }
        bytes += size;
    }
    if start < events.len() {
        batches.push(&events[start..]);
    }
    batches
}

/// An entry's size as EventBridge counts it.
fn size(event: &Event) -> usize {
    TIME_BYTES + SOURCE.len() + DETAIL_TYPE.len() + event.body.len() + event.resource.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn event(bytes: usize) -> Event {
        Event { body: "x".repeat(bytes), attributes: Vec::new(), resource: None, time: Timestamp::UNIX_EPOCH }
    }

    proptest! {
        #[test]
        fn batches_hold_every_event_once_and_fit(sizes in prop::collection::vec(0usize..150_000, 0..40)) {
            let events: Vec<Event> = sizes.into_iter().map(event).collect();
            let batches = batches(&events);
            prop_assert_eq!(&batches.concat(), &events);
            for batch in batches {
                prop_assert!(!batch.is_empty() && batch.len() <= MOST_ENTRIES);
                prop_assert!(batch.iter().map(size).sum::<usize>() <= MOST_BYTES);
            }
        }
    }

    #[test]
    fn an_entry_that_is_too_large_stands_alone_and_is_refused_alone() {
        let events = [event(10), event(300_000), event(10)];
        assert_eq!(batches(&events).iter().map(|b| b.len()).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
