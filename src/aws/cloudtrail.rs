//! CloudTrail: who made the calls of an operation, from the event history of the last 90 days. It needs no trail.

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use tokio::time::Instant;

use super::call::Caller;
use super::cloudwatch::Window;
use super::pages::Pages;
use crate::domain::{Fault, FaultKind};
use crate::watch::record::Record;

const OPERATION: &str = "LookupEvents";
/// Events of a page, at most.
const PAGE: i32 = 50;
/// Pages of one look, at the rate of two a second.
pub const MOST_LOOKED_AT: usize = 20;

/// What a look into the history brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// The newest first.
    pub records: Vec<Record>,
    /// False: there are older ones in the window, which `most_pages` left out.
    pub is_whole: bool,
}

impl Looked {
    /// Of each accepted call at a service: the instance (id) or the domain (name) that it is about. What was rejected
    /// has changed nothing, and another service may have an operation of the same name.
    pub fn accepted<'a>(&'a self, service: &'a str) -> impl Iterator<Item = Option<&'a str>> {
        let of = self.records.iter().filter(move |r| r.error_code.is_none() && r.service == service);
        of.map(|record| record.instance.as_deref().or(record.domain.as_deref()))
    }
}

/// The paced CloudTrail client.
#[derive(Debug, Clone)]
pub struct CloudTrail {
    client: Client,
    caller: Caller,
}

impl CloudTrail {
    #[must_use]
    pub fn new(client: Client, caller: Caller) -> Self {
        Self { client, caller }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The calls of one operation in a window, those that were rejected too, of whatever service has an operation
    /// of that name: see [`Record::service`]. Events show some minutes late, and those of the last 90 days only.
    ///
    /// `own_role` is the name of the monitor's role, which is called the monitor itself.
    ///
    /// # Errors
    /// The fault of `LookupEvents` of any page; an event that cannot be read is one too, because a call that is not
    /// counted would look like one that was not made.
    pub async fn calls_of(
        &self,
        operation: &str,
        window: Window,
        most_pages: usize,
        own_role: Option<&str>,
        deadline: Instant,
    ) -> Result<Looked, Fault> {
        let bad = |why: &str| Fault::new(self.caller.name(OPERATION), FaultKind::BadResponse, why);
        let attribute = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::EventName)
            .attribute_value(operation)
            .build()
            .map_err(|_| bad("a look-up without an operation"))?;
        let request = self
            .client
            .lookup_events()
            .lookup_attributes(attribute)
            .start_time(DateTime::from_secs(window.start))
            // CloudTrail takes the end in.
            .end_time(DateTime::from_secs(window.end - 1))
            .max_results(PAGE);
        let mut looked = Looked::default();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        for _ in 0..most_pages {
            let send = || request.clone().set_next_token(pages.token()).send();
            let output = self.caller.call(OPERATION, deadline, send).await?;
            for event in output.events() {
                let record = event.cloud_trail_event().and_then(|text| Record::read(text, own_role));
                let record = record.ok_or_else(|| bad("an event that is no record of CloudTrail"))?;
                looked.records.push(record);
            }
            if !pages.advance(output.next_token)? {
                looked.is_whole = true;
                break;
            }
        }
        Ok(looked)
    }
}
