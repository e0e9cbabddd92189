//! Outbound campaigns, version 2: one listing serves every instance.

use std::sync::Arc;

use aws_sdk_connectcampaignsv2::Client;
use tokio::time::Instant;

use super::edge::{At, Edge};
use super::page::{Ask, Item, Page, ask, lacks, page};
use crate::catalogue::Listing;
use crate::domain::{Fault, FaultKind, Resource, Tally};

/// `GetCampaignStateBatch` takes this many ids a call.
const BATCH: usize = 25;

/// States in which a campaign may still make calls. Which ones AWS counts as active is not documented.
const ACTIVE: &[&str] = &["Initialized", "Running", "Paused"];

impl Edge<Client> {
    pub(super) fn page(&self, at: &At<'_>) -> Result<Ask, Fault> {
        match at.listing {
            Listing::Campaigns => {
                Ok(page!(at, self.client.list_campaigns().max_results(50), campaign_summary_list, |c| {
                    Item::new(Some(&c.id), None).group(Some(&c.connect_instance_id)).kind(Some(&c.connect_instance_id))
                }))
            }
            other => Err(self.not_mine(other)),
        }
    }

    /// Those of the listed campaigns that are active, by instance.
    ///
    /// # Errors
    /// The fault of `GetCampaignStateBatch`; a campaign whose state AWS does not tell is one too, unless
    /// it is gone.
    pub async fn active(&self, campaigns: &[Arc<Resource>], deadline: Instant) -> Result<Tally, Fault> {
        let listing = Listing::ActiveCampaigns;
        let mut tally = Tally::default();
        for batch in campaigns.chunks(BATCH) {
            let ids = batch.iter().map(|c| c.key()).collect();
            let request = self.client.get_campaign_state_batch().set_campaign_ids(Some(ids));
            let output = self.caller.call(listing.operation(), deadline, || request.clone().send()).await?;
            let failed = output.failed_requests.as_deref().unwrap_or_default();
            let gone = |code: &str| code == "ResourceNotFound";
            let codes: Vec<&str> = failed.iter().filter_map(|f| Some(f.failure_code.as_ref()?.as_str())).collect();
            if let Some(code) = codes.iter().find(|code| !gone(code)) {
                let why = format!("{} campaigns have no state: {code}", failed.len());
                return Err(Fault::new(listing.qualified(), FaultKind::Other, why));
            }
            let told = output.successful_requests.as_deref().unwrap_or_default();
            if told.len() + failed.len() < batch.len() {
                let why = format!("the answer has {} of {} campaigns", told.len() + failed.len(), batch.len());
                return Err(Fault::new(listing.qualified(), FaultKind::BadResponse, why));
            }
            let is_active = |r: &&Arc<Resource>| {
                told.iter().any(|t| {
                    t.campaign_id.as_deref() == Some(r.key().as_str())
                        && t.state.as_ref().is_some_and(|s| ACTIVE.contains(&s.as_str()))
                })
            };
            for campaign in batch.iter().filter(is_active) {
                tally.total += 1;
                tally.groups.entry(campaign.kind.clone().unwrap_or_default()).or_default().count += 1;
            }
        }
        Ok(tally)
    }
}
