//! The whole catalogue, from one file per service.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::service::Service;
use super::{
    Listing, Quota, app_integrations, campaigns, cases, connect, connect_rates, connect_unlisted_rates, profile,
    voice_id, wisdom,
};
use crate::domain::Scope;

/// Every quota of the catalogue.
pub fn all() -> impl Iterator<Item = &'static Quota> {
    [
        connect::QUOTAS,
        connect_rates::RATES,
        connect_unlisted_rates::RATES,
        cases::QUOTAS,
        cases::RATES,
        cases::BURSTS,
        profile::QUOTAS,
        wisdom::QUOTAS,
        wisdom::RATES,
        app_integrations::QUOTAS,
        app_integrations::RATES,
        app_integrations::BURSTS,
        campaigns::QUOTAS,
        voice_id::QUOTAS,
    ]
    .into_iter()
    .flatten()
}

/// The quota that a row's or an incident's key means; see [`crate::domain::QuotaId::key`].
#[must_use]
pub fn find(key: &str) -> Option<&'static Quota> {
    static BY_KEY: LazyLock<HashMap<&str, &Quota>> = LazyLock::new(|| all().map(|q| (q.key(), q)).collect());
    BY_KEY.get(key).copied()
}

/// Every listing that a quota needs, with those whose resources it visits, each once, in the order of
/// the catalogue.
#[must_use]
pub fn listings() -> &'static [Listing] {
    static LISTINGS: LazyLock<Vec<Listing>> = LazyLock::new(|| {
        let mut found = Vec::new();
        for listing in all().flat_map(|q| [q.meter.listing(), q.meter.beside()]).flatten() {
            for listing in listing.chain() {
                if !found.contains(&listing) {
                    found.push(listing);
                }
            }
        }
        found
    });
    &LISTINGS
}

/// The quotas of which every instance's snapshot has a row.
pub fn per_instance() -> impl Iterator<Item = &'static Quota> {
    all().filter(|q| match q.service {
        Service::Connect => q.scope != Scope::Account,
        _ => q.scope == Scope::Instance,
    })
}

/// The quotas of a companion service's resources: a row of an instance where the resource belongs to one,
/// otherwise of the account.
pub fn per_resource() -> impl Iterator<Item = &'static Quota> {
    all().filter(|q| q.service != Service::Connect && q.scope == Scope::Resource)
}

/// The quotas of which the account's snapshot has a row.
pub fn per_account() -> impl Iterator<Item = &'static Quota> {
    all().filter(|q| q.scope == Scope::Account).chain(per_resource())
}

impl Quota {
    /// The rate quota of the same operation, of a burst quota.
    #[must_use]
    pub fn rate_beside(&self) -> Option<&'static Quota> {
        let rate = format!("{} rate quota", self.name.strip_suffix(" burst quota")?);
        all().find(|quota| quota.service == self.service && quota.name == rate)
    }
}
