//! CloudTrail: the trails of a Region, and which management events they take.

use aws_sdk_cloudtrail::types::{AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType};
use tokio::time::Instant;

use super::cloudtrail::CloudTrail;
use crate::domain::Fault;
use crate::domain::around::Trail;

impl CloudTrail {
    /// The trails that take events of this Region, those of other Regions and of the organization too.
    ///
    /// # Errors
    /// The fault of `DescribeTrails`, `GetTrailStatus` or `GetEventSelectors`.
    pub async fn trails(&self, deadline: Instant) -> Result<Vec<Trail>, Fault> {
        let (client, caller) = (self.client(), self.caller());
        let listed = caller.call("DescribeTrails", deadline, || client.describe_trails().send()).await?;
        let mut found = Vec::new();
        for trail in listed.trail_list() {
            let (Some(arn), Some(name)) = (trail.trail_arn(), trail.name()) else { continue };
            let status = || client.get_trail_status().name(arn).send();
            let is_logging = caller.call("GetTrailStatus", deadline, status).await?.is_logging.unwrap_or_default();
            let selectors = || client.get_event_selectors().trail_name(arn).send();
            let selectors = caller.call("GetEventSelectors", deadline, selectors).await?;
            let takes = selectors.event_selectors().iter().map(taken);
            let takes = takes.chain(selectors.advanced_event_selectors().iter().map(taken_by_fields));
            let (takes_writes, takes_reads) = takes.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
            found.push(Trail { name: name.to_owned(), is_logging, takes_writes, takes_reads });
        }
        Ok(found)
    }
}

/// Whether it takes management events that write, and those that read.
fn taken(selector: &EventSelector) -> (bool, bool) {
    if selector.include_management_events == Some(false) {
        return (false, false);
    }
    match &selector.read_write_type {
        Some(ReadWriteType::ReadOnly) => (false, true),
        Some(ReadWriteType::WriteOnly) => (true, false),
        _ => (true, true),
    }
}

fn taken_by_fields(selector: &AdvancedEventSelector) -> (bool, bool) {
    let is = |name: &str, value: &str| {
        let fields = selector.field_selectors().iter().filter(|field| field.field() == name);
        fields.flat_map(AdvancedFieldSelector::equals).any(|equal| equal == value)
    };
    let is_management = is("eventCategory", "Management");
    (is_management && !is("readOnly", "true"), is_management && !is("readOnly", "false"))
}
