//! Amazon Connect Customer Profiles: domains, and what stands in them. No profile is read.

use aws_sdk_customerprofiles::Client;
use aws_sdk_customerprofiles::operation::get_domain::GetDomainOutput;
use aws_sdk_customerprofiles::operation::get_profile_object_type::GetProfileObjectTypeOutput;

use super::edge::{At, Edge};
use super::page::{Ask, Item, Page, ask, describe, lacks, page};
use crate::catalogue::Listing;
use crate::catalogue::listing::{EXPIRATION_DAYS, KEYS};
use crate::domain::Fault;

impl Edge<Client> {
    #[rustfmt::skip]
    pub(super) fn page(&self, at: &At<'_>) -> Result<Ask, Fault> {
        let c = &self.client;
        Ok(match at.listing {
            // A domain's name is its id.
            Listing::ProfileDomains => page!(at, c.list_domains().max_results(100), items, |d| Item::new(Some(&d.domain_name), None)),
            Listing::ObjectTypes => page!(at, c.list_profile_object_types().domain_name(at.id(0)).max_results(100), items, |t| {
                Item::new(Some(&t.object_type_name), None)
            }),
            Listing::DomainObjectTypes => page!(at, c.list_domain_object_types().domain_name(at.id(0)).max_results(100), items, Item::plain),
            Listing::ProfileIntegrations => page!(at, c.list_integrations().domain_name(at.id(0)).include_hidden(true).max_results(100), items, Item::plain),
            Listing::EventTriggers => page!(at, c.list_event_triggers().domain_name(at.id(0)).max_results(100), items, Item::plain),
            Listing::EventStreams => page!(at, c.list_event_streams().domain_name(at.id(0)).max_results(100), items, Item::plain),
            Listing::CalculatedAttributes => page!(at, c.list_calculated_attribute_definitions().domain_name(at.id(0)).max_results(100), items, Item::plain),
            Listing::Recommenders => page!(at, c.list_recommenders().domain_name(at.id(0)).max_results(100), recommenders, Item::plain),
            Listing::RecommenderFilters => page!(at, c.list_recommender_filters().domain_name(at.id(0)).max_results(100), recommender_filters, Item::plain),
            Listing::RecommenderSchemas => page!(at, c.list_recommender_schemas().domain_name(at.id(0)).max_results(100), recommender_schemas, Item::plain),
            Listing::ObjectTypeKeys => describe!(c.get_profile_object_type().domain_name(at.id(0)).object_type_name(at.id(1)), |o: &GetProfileObjectTypeOutput| {
                let keys = o.keys.iter().flatten().map(|(name, _)| Item::plain(name).group(Some(KEYS)));
                keys.chain(days(o.expiration_days).map(|item| item.group(Some(EXPIRATION_DAYS)))).collect()
            }),
            Listing::ProfileSettings => describe!(c.get_domain().domain_name(at.id(0)), |o: &GetDomainOutput| days(o.default_expiration_days).collect()),
            other => return Err(self.not_mine(other)),
        })
    }
}

/// An item that weighs as many days as are set.
fn days(days: Option<i32>) -> impl Iterator<Item = Item> {
    let days = days.and_then(|days| u64::try_from(days).ok());
    days.into_iter().map(|days| Item::new(None, None).weight(Some(days)))
}
