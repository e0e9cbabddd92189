//! Amazon AppIntegrations: what other applications an account's instances are connected to.

use aws_sdk_appintegrations::Client;
use aws_sdk_appintegrations::types::ExecutionStatus;

use super::edge::{At, Edge};
use super::page::{Ask, Item, Page, ask, lacks, page};
use crate::catalogue::Listing;
use crate::catalogue::listing::{EXPORT, IN_PROGRESS};
use crate::domain::Fault;

impl Edge<Client> {
    #[rustfmt::skip]
    pub(super) fn page(&self, at: &At<'_>) -> Result<Ask, Fault> {
        let c = &self.client;
        Ok(match at.listing {
            Listing::DataIntegrations => page!(at, c.list_data_integrations().max_results(50), data_integrations, |i| {
                // The identifier may be the name or the ARN's last part; the ARN is always there.
                Item::new(i.arn.as_deref().and_then(|arn| arn.rsplit('/').next()), i.name.as_deref()).arn(i.arn.as_deref()).kind(is_of_connect(i.source_uri.as_deref()).then_some(EXPORT))
            }),
            Listing::EventIntegrations => page!(at, c.list_event_integrations().max_results(50), event_integrations, |i| {
                Item::new(i.name.as_deref(), i.name.as_deref()).arn(i.event_integration_arn.as_deref())
            }),
            Listing::Applications => page!(at, c.list_applications().max_results(50), applications, Item::plain),
            Listing::DataIntegrationAssociations => page!(at, c.list_data_integration_associations().data_integration_identifier(at.id(0)).max_results(50), data_integration_associations, |a| {
                let status = a.last_execution_status.as_ref().and_then(|last| last.execution_status.as_ref());
                Item::plain(a).group((status == Some(&ExecutionStatus::InProgress)).then_some(IN_PROGRESS))
            }),
            Listing::EventIntegrationAssociations => page!(at, c.list_event_integration_associations().event_integration_name(at.id(0)).max_results(50), event_integration_associations, Item::plain),
            other => return Err(self.not_mine(other)),
        })
    }
}

/// Connect's own data is what a bulk export takes.
fn is_of_connect(source: Option<&str>) -> bool {
    source.is_some_and(|source| source.starts_with("AmazonConnect://AppIntegrations"))
}
