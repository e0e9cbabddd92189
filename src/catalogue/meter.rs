//! How usage is measured.

use super::{Gauge, Listing};

/// How a quota's usage is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meter {
    /// The instances that `ListInstances` returns, without those whose creation failed.
    Instances,
    /// All items of a listing.
    Count(Listing),
    /// The items of a listing that belong to one group (an integration type).
    CountIn(Listing, &'static str),
    /// All items of one listing, and the distinct identities among those of another.
    CountWithDistinct(Listing, Listing),
    /// The items that belong to the instance, in a listing that serves every instance.
    OfInstance(Listing),
    /// The fullest group of a listing; groups named here have a limit of their own.
    WorstGroup(Listing, &'static [(&'static str, f64)]),
    /// As `WorstGroup`, by the marked items of each group.
    WorstMarked(Listing, &'static [(&'static str, f64)]),
    /// The fullest of the resources that a listing visits.
    Worst(Listing),
    /// As `Worst`, by the items of one group.
    WorstIn(Listing, &'static str),
    /// The higher one of two: of the resources that the first listing visits, by the items of one group, and of those
    /// that the second one visits.
    Higher(Listing, &'static str, Listing),
    /// The items of one group in all resources of one kind that a listing visits.
    SumIn(Listing, &'static str, &'static str),
    /// The fullest of the resources, by what their own listing tells of each; a visit counts those of which that
    /// could be too much.
    Bounded(Listing),
    /// Distinct identities in one group of a listing, over all instances of the account.
    DistinctIn(Listing, &'static str),
    /// The fullest of the queues that have a maximum of contacts, by AWS/Connect's metrics of queues.
    QueueCapacity(Listing),
    /// The highest datapoint of an AWS/Connect concurrency metric.
    Gauge(Gauge),
    /// An upper bound: the highest datapoints of the gauge of all instances together.
    SumOf(Gauge),
    /// Calls of the busiest minute, from the metric that Service Quotas names.
    Rate,
    /// An upper bound from the calls that the rate quota beside it counts.
    Burst,
    /// Calls of some days in CloudTrail's event history.
    Trail(Trailed),
    /// AWS offers no way; the text says why.
    NotMeasurable(&'static str),
}

/// What the event history counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailed {
    /// Instances created and deleted.
    Instances,
    /// Phone numbers claimed and released, against twice the quota of numbers.
    Numbers,
    /// Segment snapshots of each Customer Profiles domain.
    Snapshots,
}

impl Meter {
    /// The listing that the count comes from.
    #[must_use]
    pub const fn listing(self) -> Option<Listing> {
        match self {
            Self::Count(l)
            | Self::CountIn(l, _)
            | Self::CountWithDistinct(l, _)
            | Self::OfInstance(l)
            | Self::WorstGroup(l, _)
            | Self::WorstMarked(l, _)
            | Self::Worst(l)
            | Self::Higher(l, ..)
            | Self::SumIn(l, ..)
            | Self::WorstIn(l, _)
            | Self::Bounded(l)
            | Self::QueueCapacity(l)
            | Self::DistinctIn(l, _) => Some(l),
            Self::Instances
            | Self::Gauge(_)
            | Self::SumOf(_)
            | Self::Rate
            | Self::Burst
            | Self::Trail(_)
            | Self::NotMeasurable(_) => None,
        }
    }

    /// A second listing without which there is no count.
    #[must_use]
    pub const fn beside(self) -> Option<Listing> {
        match self {
            Self::CountWithDistinct(_, second) | Self::Higher(_, _, second) => Some(second),
            _ => None,
        }
    }

    /// How the number was obtained, as a snapshot's row says it. Empty where it cannot be.
    #[must_use]
    pub fn source(self) -> String {
        match self {
            Self::Instances => "connect:ListInstances".to_owned(),
            Self::Gauge(g) | Self::SumOf(g) => format!("AWS/Connect {} Maximum", g.metric().name),
            Self::Rate => "AWS/Usage CallCount peak minute".to_owned(),
            Self::Burst => "AWS/Usage CallCount two adjacent minutes".to_owned(),
            Self::Trail(_) => "cloudtrail:LookupEvents".to_owned(),
            Self::NotMeasurable(_) => String::new(),
            Self::QueueCapacity(_) => "AWS/Connect QueueSize Maximum".to_owned(),
            Self::Bounded(visit) => {
                let parent = visit.parent().map(Listing::qualified).unwrap_or_default();
                format!("{parent}, {}", visit.qualified())
            }
            Self::CountWithDistinct(all, distinct) | Self::Higher(all, _, distinct) => {
                format!("{}, {}", all.qualified(), distinct.qualified())
            }
            _ => self.listing().map_or_else(String::new, Listing::qualified),
        }
    }
}
