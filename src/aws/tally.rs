//! Counting a listing over all its pages, whichever service it belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::time::Instant;

use super::clients::Aws;
use super::edge::At;
use super::page::{Item, Page};
use super::pages::Pages;
use crate::catalogue::{Listing, Place, Service};
use crate::domain::{Fault, FaultKind, Group, Instance, Resource, Tally};

/// Calls that visits may still make: some of their own, and what nobody was given.
#[derive(Debug, Default)]
pub struct CallBudget {
    own: AtomicU32,
    spare: Arc<AtomicU32>,
    /// So many of the spare ones are kept for first visits.
    kept: u32,
    has_finished_one: AtomicBool,
}

impl CallBudget {
    #[must_use]
    pub fn new(own: u32, spare: Arc<AtomicU32>, kept: u32) -> Self {
        Self { own: AtomicU32::new(own), spare, kept, has_finished_one: AtomicBool::new(false) }
    }

    /// Spends one call, if there is one.
    fn take(&self) -> bool {
        let spend = |calls: &AtomicU32, down_to: u32| {
            let less = |left: u32| left.checked_sub(1).filter(|left| *left >= down_to);
            calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        };
        // The first visit may need several pages, and must not fail for ever beside a long listing.
        let kept = if self.has_finished_one.load(Ordering::Relaxed) { self.kept } else { 0 };
        spend(&self.own, 0) || spend(&self.spare, kept)
    }

    /// A visit has come to its end: the next ones must do with what is their own.
    fn finish_one(&self) {
        self.has_finished_one.store(true, Ordering::Relaxed);
    }

    /// What was given and not needed.
    #[must_use]
    pub fn left(self) -> u32 {
        self.own.into_inner()
    }
}

impl Aws {
    /// Counts a listing of the account or of an instance over all its pages.
    ///
    /// # Errors
    /// The fault of the page that failed: a partial count is never returned.
    pub async fn tally(
        &self,
        listing: Listing,
        instance: Option<&Instance>,
        deadline: Instant,
    ) -> Result<Tally, Fault> {
        self.count(listing, instance, None, None, deadline).await.map(Option::unwrap_or_default)
    }

    /// Counts a listing of one resource; none where the budget was empty before the last page.
    ///
    /// # Errors
    /// As [`Self::tally`].
    pub async fn visit(
        &self,
        listing: Listing,
        instance: Option<&Instance>,
        resource: &Resource,
        budget: &CallBudget,
        deadline: Instant,
    ) -> Result<Option<Tally>, Fault> {
        self.count(listing, instance, Some(resource), Some(budget), deadline).await
    }

    async fn count(
        &self,
        listing: Listing,
        instance: Option<&Instance>,
        resource: Option<&Resource>,
        budget: Option<&CallBudget>,
        deadline: Instant,
    ) -> Result<Option<Tally>, Fault> {
        let id = instance.map_or("", |i| i.id.as_str());
        let path = resource.map_or(&[][..], |r| &r.path);
        let count = async {
            let mut tally = Tally::default();
            let mut pages = Pages::at_most(listing.qualified(), self.most_pages);
            let keeps = is_visited(listing);
            loop {
                if budget.is_some_and(|budget| !budget.take()) {
                    return Ok(None);
                }
                let page = self.page(&At { listing, instance: id, path, token: pages.token(), deadline }).await?;
                for item in page.items {
                    let weight = item.weight.ok_or_else(|| {
                        Fault::new(listing.qualified(), FaultKind::BadResponse, "an item lacks its number")
                    })?;
                    add(&mut tally, item, weight, keeps, resource);
                }
                if let Some(total) = page.total {
                    let total = u64::try_from(total).map_err(|_| {
                        let why = format!("the answer's ApproximateTotalCount is {total}");
                        Fault::new(listing.qualified(), FaultKind::BadResponse, why)
                    })?;
                    tally.total = tally.total.max(total);
                }
                if !pages.advance(page.next)? {
                    if let Some(budget) = budget {
                        budget.finish_one();
                    }
                    return Ok(Some(tally));
                }
            }
        };
        count.await.map_err(|fault: Fault| if id.is_empty() { fault } else { fault.of_instance(id) })
    }

    async fn page(&self, at: &At<'_>) -> Result<Page, Fault> {
        let (ask, caller) = match at.listing.service() {
            Service::Connect => (self.connect.page(at), &self.connect.caller),
            Service::Cases => (self.cases.page(at), &self.cases.caller),
            Service::Profile => (self.profile.page(at), &self.profile.caller),
            Service::Wisdom => (self.wisdom.page(at), &self.wisdom.caller),
            Service::AppIntegrations => (self.app_integrations.page(at), &self.app_integrations.caller),
            Service::Campaigns => (self.campaigns.page(at), &self.campaigns.caller),
            Service::VoiceId => return Err(self.connect.not_mine(at.listing)),
        };
        caller.attempts(at.listing.operation(), at.deadline, &ask?).await?
    }
}

fn add(tally: &mut Tally, item: Item, weight: u64, keeps: bool, parent: Option<&Resource>) {
    tally.total += weight;
    if let Some(key) = item.group {
        if item.is_marked {
            tally.marked.entry(key.clone()).or_default().count += weight;
        }
        let group: &mut Group = tally.groups.entry(key).or_default();
        group.count += weight;
        group.ids.extend(item.arn.clone());
        group.name = group.name.take().or_else(|| item.name.clone());
    }
    if !keeps {
        return;
    }
    let Some(id) = item.id else { return };
    let mut path = parent.map_or_else(Vec::new, |p| p.path.clone());
    let name = item.name.unwrap_or_else(|| id.clone());
    path.push(id);
    tally.resources.push(Arc::new(Resource {
        path,
        name: parent.map_or(name.clone(), |p| format!("{} / {name}", p.name)),
        root: parent.map_or(item.arn, |p| p.root.clone()),
        kind: item.kind,
        told: item.told,
    }));
}

/// Whether another listing visits the resources of this one: only then are they kept.
fn is_visited(listing: Listing) -> bool {
    listing == Listing::Campaigns
        || crate::catalogue::listings().iter().any(|l| matches!(l.place(), Place::Each(parent, _) if parent == listing))
}
