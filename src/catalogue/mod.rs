//! The quotas the monitor knows: one line each, one file per service.
//!
//! A line says what a quota is called, what it counts against, and how its usage is measured. Nothing
//! else in the program lists quotas: collection, documentation and permissions follow from here.
//! Codes, names and defaults are those of the Service Quotas catalogue; where AWS documents a quota
//! that Service Quotas does not list, the code is [`NO_CODE`], because a code is never invented.

mod app_integrations;
mod campaigns;
mod cases;
mod connect;
mod connect_rates;
mod connect_unlisted_rates;
mod gauge;
mod list;
pub mod listing;
mod meter;
mod profile;
mod service;
#[cfg(test)]
mod tests;
mod voice_id;
mod wisdom;

pub use gauge::{Gauge, GaugeMetric, Share};
pub use list::{all, find, listings, per_account, per_instance, per_resource};
pub use listing::{Listing, Place};
pub use meter::{Meter, Trailed};
pub use service::Service;

use crate::domain::{Impact, NO_CODE, QuotaId, Scope};

/// One quota: a line of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    pub service: Service,
    pub code: &'static str,
    pub name: &'static str,
    pub category: Category,
    pub scope: Scope,
    /// AWS's documented default, used only where Service Quotas lists no value at all.
    pub default: Option<f64>,
    pub meter: Meter,
    /// What happens when it is full.
    pub impact: Impact,
    /// AWS allows one by design, such as one Cases domain an instance: 1 of 1 is how it is meant.
    pub is_single: bool,
    /// What is set or written somewhere, within a bound: up to it nothing is wrong.
    pub is_setting: bool,
    /// A doubt that the reader of the number must know.
    pub note: Option<&'static str>,
}

impl Quota {
    /// A quota of Amazon Connect itself.
    const fn new(
        code: &'static str,
        name: &'static str,
        category: Category,
        scope: Scope,
        default: Option<f64>,
        meter: Meter,
    ) -> Self {
        Self::of(Service::Connect, code, name, category, scope, default, meter)
    }

    const fn of(
        service: Service,
        code: &'static str,
        name: &'static str,
        category: Category,
        scope: Scope,
        default: Option<f64>,
        meter: Meter,
    ) -> Self {
        let impact = impact_of(category, meter);
        Self {
            service,
            code,
            name,
            category,
            scope,
            default,
            meter,
            impact,
            is_single: false,
            is_setting: false,
            note: None,
        }
    }

    /// Contacts are turned away when it is full, although its meter and category do not say so.
    const fn live(mut self) -> Self {
        self.impact = Impact::Live;
        self
    }

    /// AWS allows one by design.
    const fn single(mut self) -> Self {
        self.is_single = true;
        self
    }

    /// Nothing is used up.
    const fn setting(mut self) -> Self {
        self.is_setting = true;
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// True where Service Quotas lists the quota, so that an applied value can exist.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.code != NO_CODE
    }

    /// What tells it from every other quota; see [`QuotaId::key`].
    #[must_use]
    pub fn key(&self) -> &'static str {
        if self.is_listed() { self.code } else { self.name }
    }

    /// The operation whose calls a rate of Connect's API is about.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.name.strip_prefix("Rate of ")?.strip_suffix(" API requests").map(str::trim_end)
    }

    /// Of a rate of which Service Quotas names no metric: an operation whose calls may tell the name under which
    /// CloudWatch counts the service's, and the rate's own operation. The monitor calls `ListAssistants` in each run.
    #[must_use]
    pub fn counted_like(&self) -> Option<(&'static str, &'static str)> {
        let Meter::NotMeasurable(_) = self.meter else { return None };
        match self.service {
            Service::Wisdom => Some(("ListAssistants", self.name.strip_prefix("Rate of API requests for ")?)),
            Service::Connect => self.name.strip_prefix("Rate of ").map(|operation| (operation, operation)),
            _ => None,
        }
    }

    #[must_use]
    pub fn id(&self) -> QuotaId {
        QuotaId {
            code: self.code.to_owned(),
            name: self.name.to_owned(),
            service: self.service.code().to_owned(),
            category: self.category.as_str().to_owned(),
            scope: self.scope,
            impact: self.impact,
            is_single: self.is_single,
        }
    }
}

/// Full rates and concurrencies turn calls and contacts away; when a count is full, nothing new can be made.
const fn impact_of(category: Category, meter: Meter) -> Impact {
    match (category, meter) {
        (Category::ApiRates, _) | (_, Meter::Gauge(_) | Meter::QueueCapacity(_) | Meter::Rate | Meter::Burst) => {
            Impact::Live
        }
        _ => Impact::Build,
    }
}

/// The groups in which the field speaks of these quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Core,
    ContactHandling,
    Routing,
    Integrations,
    Cases,
    CustomerProfiles,
    Knowledge,
    Campaigns,
    Forecasting,
    Reporting,
    ContactLens,
    ApiRates,
    VoiceId,
    /// What Service Quotas lists and the catalogue does not know.
    Uncatalogued,
}

impl Category {
    /// In the order in which people read them.
    pub const ALL: &[Self] = &[
        Self::Core,
        Self::ContactHandling,
        Self::Routing,
        Self::Integrations,
        Self::Cases,
        Self::CustomerProfiles,
        Self::Knowledge,
        Self::Campaigns,
        Self::Forecasting,
        Self::Reporting,
        Self::ContactLens,
        Self::ApiRates,
        Self::VoiceId,
        Self::Uncatalogued,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::ContactHandling => "contact handling",
            Self::Routing => "routing",
            Self::Integrations => "integrations",
            Self::Cases => "cases",
            Self::CustomerProfiles => "customer profiles",
            Self::Knowledge => "AI agents and knowledge",
            Self::Campaigns => "campaigns",
            Self::Forecasting => "forecasting and scheduling",
            Self::Reporting => "reporting",
            Self::ContactLens => "Contact Lens",
            Self::ApiRates => "API rates",
            Self::VoiceId => "Voice ID (retired)",
            Self::Uncatalogued => "not in the catalogue",
        }
    }
}

/// Rates that AWS's documentation warns about: Service Quotas may show 200 for them, whatever the
/// real limit. Source: "Amazon Connect service quotas", API throttling quotas.
pub const RATES_SHOWN_AS_200: &[&str] = &["GetCurrentMetricData", "GetMetricDataV2", "GetCurrentUserData"];
