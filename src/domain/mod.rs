//! What the product talks about, as plain data: no AWS type, no clock, no environment.

mod account;
pub mod activity;
pub mod alarm;
pub mod around;
pub mod console;
mod fault;
pub mod format;
pub mod glob;
mod impact;
pub mod increase;
pub mod instances;
pub mod kept;
pub mod limit;
mod metric;
pub mod overdue;
pub mod own_calls;
pub mod plan;
pub mod remedy;
pub mod request;
pub mod rota;
pub mod service;
pub mod snapshot;
pub mod stats;
pub mod subscribers;
pub mod target;
pub mod tour;
pub mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use account::{Account, Named, Owner, label};
pub use fault::{Answered, Fault, FaultKind};
pub use impact::Impact;
pub use metric::{FaultRecord, Forecast, IncreaseRecord, Metric, MuteRecord, Status};

/// An Amazon Connect instance as `ListInstances` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub id: String,
    /// The instance ARN; it is also the `ContextId` of the instance's own quota values.
    pub arn: String,
    /// Instances on an external directory may have none.
    pub alias: Option<String>,
    /// AWS's word: `ACTIVE`, `CREATION_IN_PROGRESS`, `CREATION_FAILED`.
    pub status: String,
}

impl Instance {
    /// Whether it is measured. So is one of a state that AWS adds some day, or does not tell: what is there may be
    /// in use, and a quota that nobody looks at is worse than a listing that is refused.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.status.as_str(), "CREATION_IN_PROGRESS" | "CREATION_FAILED")
    }

    /// What a person calls the instance: its alias, or its id where it has none.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.id)
    }
}

/// From which utilization on a quota is a warning, and from which it is critical. Percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    pub warning: f64,
    /// Never below `warning`.
    pub critical: f64,
}

impl Thresholds {
    /// The same with another warning percentage. A critical percentage below it becomes 100, so that a
    /// quota can still be a warning before it is critical.
    #[must_use]
    pub fn with_warning(self, warning: f64) -> Self {
        Self { warning, critical: if warning > self.critical { 100.0 } else { self.critical } }
    }
}

/// What a quota is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Account,
    Instance,
    /// A resource inside an instance: the row names the worst one.
    Resource,
}

impl Scope {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Instance => "instance",
            Self::Resource => "resource",
        }
    }
}

/// Where a limit's value comes from, most specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitSource {
    /// Set by the user in `QUOTA_OVERRIDES`.
    Override,
    /// A value applied to this very instance.
    Instance,
    /// A value applied to the account, or to all its instances at once.
    Account,
    /// AWS's default, or the documented one where Service Quotas lists none.
    Default,
}

impl LimitSource {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Instance => "instance",
            Self::Account => "account",
            Self::Default => "default",
        }
    }
}

/// A limit that can be compared with, and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    pub value: f64,
    pub source: LimitSource,
    /// Whether AWS raises it on request, where Service Quotas says.
    pub adjustable: Option<bool>,
    /// What a reader should know before trusting it.
    pub note: Option<String>,
    /// AWS's default, where it is known.
    pub default: Option<f64>,
    /// Unix seconds at which the value was read, where that was not in this run.
    pub read_at: Option<i64>,
}

impl Limit {
    /// A value that was read in this run, and nothing else about it.
    #[must_use]
    pub fn new(value: f64, source: LimitSource) -> Self {
        Self { value, source, adjustable: None, note: None, default: None, read_at: None }
    }
}

/// On which side of the truth a number is that cannot be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The truth is this much at most.
    Upper,
    /// The truth is this much at least.
    Lower,
}

impl Bound {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
        }
    }
}

/// A measured usage, in the limit's own unit (a count, or calls per the quota's period).
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not exclude each other")]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    pub value: f64,
    /// AWS says "approximate", or the measurement cannot be exact.
    pub approximate: bool,
    /// Where it is approximate and one side is sure.
    pub bound: Option<Bound>,
    /// Where the value is no more than an upper bound: what it can prove.
    pub ceiling: Option<Ceiling>,
    /// The worst resource, for quotas that count inside an instance.
    pub resource: Option<String>,
    /// Requests that AWS rejected in the window because of this quota; above 0 the quota is critical.
    pub rejected: f64,
    /// They were rejected because they came too fast, not because too many were there at once.
    pub rejected_by_rate: bool,
    /// Unix seconds of the highest value, where it has a time.
    pub peak_at: Option<i64>,
    /// Contacts that are handled at the same time: with a limit of 0 none can be.
    pub is_concurrency: bool,
    pub note: Option<String>,
    /// AWS's own figure of usage over limit, where it publishes one.
    pub figure: Option<Figure>,
    /// Every group of a quota that counts by group. Which one is the fullest depends on the limit of each, and so
    /// on the user's own limit: the judgement decides it, and `value` and `resource` follow from it.
    pub groups: Vec<GroupUsage>,
    /// A setting: nothing is used up, and up to the limit it is how somebody wants it.
    pub is_setting: bool,
    /// Calls of the monitor itself that were taken away.
    pub own_calls: u64,
}

/// AWS's own figure of usage over limit, at its highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    pub value: f64,
    /// As documented: 0.8 is 80 percent.
    pub is_fraction: bool,
}

/// What an upper bound proves. A high one proves nothing, and is never a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// Below the warning's percentage the quota is `ok`.
    BelowWarning,
    /// Up to the limit nothing can have been turned away.
    UpToLimit,
}

/// The usage of one group, such as the rules of one event source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupUsage {
    pub name: String,
    pub value: f64,
    /// The limit of this very group, where it is not the quota's.
    pub limit: Option<f64>,
    /// That limit is a setting of the group itself, not AWS's.
    pub is_set_there: bool,
    /// Turned away because of it.
    pub rejected: f64,
    /// Unix seconds of the value, where it has a time.
    pub peak_at: Option<i64>,
}

impl Usage {
    #[must_use]
    pub fn exactly(value: f64) -> Self {
        Self { value, ..Self::default() }
    }
}

/// What one complete listing told: the number of its items, and per group where items have one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub total: u64,
    pub groups: BTreeMap<String, Group>,
    /// Of each group only the marked items, where a quota counts these.
    pub marked: BTreeMap<String, Group>,
    /// The resources themselves, where another listing visits each of them.
    pub resources: Vec<Arc<Resource>>,
}

/// A resource that listings visit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Its id, after the ids of the resources it stands in.
    pub path: Vec<String>,
    /// What people call it: a name of configuration, or the id where a name would be a person's.
    pub name: String,
    /// The ARN of the outermost resource, by which an instance's integrations name it.
    pub root: Option<String>,
    /// Its type, as the service calls it.
    pub kind: Option<String>,
    /// What its own listing tells of what a visit would count, by the visiting operation.
    pub told: BTreeMap<&'static str, Told>,
}

/// What a listing tells of the things in one of its resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub value: u64,
    /// The resource holds exactly this many; otherwise this many at most.
    pub is_exact: bool,
}

impl Resource {
    /// What tells it from the other resources of its listing.
    #[must_use]
    pub fn key(&self) -> String {
        self.path.join("/")
    }
}

/// The items of a listing that share a type, an event source or an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    pub count: u64,
    /// What people call the group, where its key is an id.
    pub name: Option<String>,
    /// Identities of the items, kept where a quota counts distinct ones.
    pub ids: BTreeSet<String>,
}

impl Tally {
    #[must_use]
    pub fn count_in(&self, group: &str) -> u64 {
        self.groups.get(group).map_or(0, |g| g.count)
    }
}

/// How a quota was measured this time.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    Usage(Usage),
    /// Only a part of it could be read: the usage is this at least. The fault says what is missing.
    AtLeast(Usage, Fault),
    /// Measurable, but not this time.
    Unknown(Fault),
    /// AWS offers no way, or there is nothing to measure any more; the text says why.
    NotMeasurable(String),
    /// Not in this run: the next one may measure it. The text says why.
    OutOfReach(String),
    /// The operation that measures it is not in this Region: not measurable, and named among the run's faults.
    Lacking(Fault),
}

/// The limit and the usage of one quota at one scope, as the run found them, before any judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub quota: QuotaId,
    pub limit: Result<Option<Limit>, Fault>,
    pub measured: Measured,
    /// How the usage was obtained, such as `connect:ListUsers`; empty where it cannot be.
    pub source: String,
}

impl Reading {
    /// Why its limit or its usage could not be read.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let of_usage = match &self.measured {
            Measured::Unknown(fault) | Measured::AtLeast(_, fault) | Measured::Lacking(fault) => Some(fault),
            Measured::Usage(_) | Measured::NotMeasurable(_) | Measured::OutOfReach(_) => None,
        };
        self.limit.as_ref().err().into_iter().chain(of_usage)
    }
}

/// A quota's identity in everything that leaves the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaId {
    /// Service Quotas' code, or [`NO_CODE`].
    pub code: String,
    pub name: String,
    pub service: String,
    pub category: String,
    pub scope: Scope,
    pub impact: Impact,
    /// AWS allows one by design: a quota of 1 that is in use needs nobody's attention.
    pub is_single: bool,
}

/// Written where a documented quota is not in the Service Quotas catalogue: a code is never invented.
pub const NO_CODE: &str = "-";

impl QuotaId {
    /// What tells this quota from every other one: its code, or its name where it has none.
    #[must_use]
    pub fn key(&self) -> &str {
        if self.code == NO_CODE { &self.name } else { &self.code }
    }
}
