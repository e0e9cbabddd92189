//! Listings that cost a call per resource: made for some resources in each run, within a budget.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::tally::CallBudget;
use crate::catalogue::{self, Listing, Meter, Place, Service};
use crate::domain::tour::{ALL, Known, Tour, Tours, Visited, allot};
use crate::domain::{Fault, FaultKind, Instance, Resource, Tally};

pub(super) type Tallies = HashMap<Listing, Result<Tally, Fault>>;

/// What a run's visits by one listing found, together with what earlier runs left.
#[derive(Debug, Clone, Default)]
pub(super) struct Visits {
    /// What there is to visit.
    pub resources: Vec<Arc<Resource>>,
    /// Why nothing, or not everything that was planned, could be visited.
    pub fault: Option<Fault>,
    /// Visited in this run, with the counts by group.
    pub seen: Vec<(Visited, BTreeMap<String, u64>)>,
    /// So many refused to be looked into, and how the first did; the others were visited all the same.
    pub refused: Option<(usize, Fault)>,
    /// Resources that need more calls than a run may make.
    pub too_large: usize,
    /// What the visited resources hold, where a further listing visits it.
    children: Vec<Arc<Resource>>,
    /// `resources` are all that there are: whatever holds them was visited.
    pub lists_all: bool,
    /// `children` are all that there are.
    is_all: bool,
    /// Of those that need no visit, because their listing tells enough.
    pub told: Fullest,
    pub tour: Tour,
    /// No calls were given: visits are switched off.
    pub is_off: bool,
    /// Items of these groups do not count: rules that are of another type.
    leaves_out: BTreeSet<String>,
}

/// The fullest by what a listing tells of its resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fullest {
    /// Of those that hold exactly so many.
    pub exact: Option<(u64, String)>,
    /// Of those that hold so many at most.
    pub at_most: Option<(u64, String)>,
}

/// One run's visits of a service, for one instance or for the account.
pub(super) struct Round {
    pub aws: Aws,
    pub service: Service,
    pub instance: Option<Instance>,
    pub tours: Tours,
    /// By listing: a resource of which its own listing tells less needs no visit.
    pub cuts: HashMap<Listing, f64>,
    /// Calls that this round may make; none: visits are switched off.
    pub calls: Option<u32>,
    pub now: Timestamp,
    pub deadline: Instant,
}

impl Round {
    /// Visits the resources of these listings, and then what stands in them.
    pub async fn visit(&self, roots: &Tallies) -> HashMap<Listing, Visits> {
        let is_inner = |l: &Listing| l.parent().is_some_and(|p| p.parent().is_some());
        let (inner, outer): (Vec<Listing>, Vec<Listing>) = catalogue::listings()
            .iter()
            .copied()
            .filter(|l| l.service() == self.service && matches!(l.place(), Place::Each(..)))
            .partition(is_inner);
        let left = self.calls.unwrap_or(0);
        // A third of the calls is kept for nested listings: a long outer list must not use them all.
        let kept_for_inner = if inner.is_empty() { 0 } else { left / 3 };
        let mut found = HashMap::new();
        let outer = outer.into_iter().map(|listing| (listing, self.known(listing, roots, &found)));
        // It waits for the lists that name it, and for no others.
        let (first, leaves): (Vec<_>, Vec<_>) = outer.partition(|(l, _)| inner.iter().any(|i| i.parent() == Some(*l)));
        let left = self.stage(first, &leaves, (left, kept_for_inner), &mut found).await;
        let inner: Vec<_> = inner.into_iter().map(|listing| (listing, self.known(listing, roots, &found))).collect();
        self.stage(leaves.into_iter().chain(inner).collect(), &[], (left, 0), &mut found).await;
        found
    }

    /// Visits by some listings side by side, while others wait for their part of the calls, and some calls
    /// are kept. Returns the calls that are left.
    async fn stage(
        &self,
        todo: Vec<(Listing, Visits)>,
        waiting: &[(Listing, Visits)],
        (left, kept): (u32, u32),
        found: &mut HashMap<Listing, Visits>,
    ) -> u32 {
        let wishes: Vec<usize> = todo.iter().chain(waiting).map(|(_, visits)| visits.resources.len()).collect();
        // Some are kept back for first visits that need more than one page.
        let for_first = (left - kept) / 6;
        let shared_out = left - kept - for_first;
        let given = allot(&wishes, usize::try_from(shared_out).unwrap_or(usize::MAX));
        let given: Vec<u32> = given.into_iter().map(|n| u32::try_from(n).unwrap_or(u32::MAX)).collect();
        let spare = Arc::new(AtomicU32::new(left - kept - given.iter().sum::<u32>()));
        let mut unspent = given[todo.len()..].iter().sum::<u32>();
        let mut running = JoinSet::new();
        for ((listing, visits), given) in todo.into_iter().zip(given) {
            let (aws, budget) = (self.aws.clone(), CallBudget::new(given, Arc::clone(&spare), for_first));
            let (instance, now, deadline) = (self.instance.clone(), self.now, self.deadline);
            running.spawn(async move {
                let given = usize::try_from(given).unwrap_or(usize::MAX);
                let visits = visits.make(listing, &aws, instance.as_ref(), (given, &budget), (now, deadline)).await;
                (listing, visits, budget.left())
            });
        }
        for (listing, visits, own) in running.join_all().await {
            unspent += own;
            found.insert(listing, visits);
        }
        kept + unspent + spare.load(Ordering::Relaxed)
    }

    /// What there is to visit, and where the tour stands.
    fn known(&self, listing: Listing, roots: &Tallies, found: &HashMap<Listing, Visits>) -> Visits {
        let Place::Each(parent, kind) = listing.place() else { return Visits::default() };
        let tour = self.tours.get(&listing.qualified()).cloned().unwrap_or_default();
        let visits = Visits { tour, is_off: self.calls.is_none(), ..Visits::default() };
        let parents = match (roots.get(&parent), found.get(&parent)) {
            (Some(tally), _) => tally.as_ref().map(|tally| (&tally.resources, true)).map_err(Clone::clone),
            (None, Some(outer)) => match (&outer.fault, &outer.refused) {
                (Some(fault), _) => Err(fault.clone()),
                // Where all refused, nobody knows what stands in them.
                (None, Some((_, fault))) if outer.children.is_empty() => Err(fault.clone()),
                (None, refused) => Ok((&outer.children, outer.is_all && refused.is_none())),
            },
            (None, None) => Err(Fault::new(parent.qualified(), FaultKind::Other, "the listing was not made")),
        };
        let (resources, is_all) = match parents {
            Ok(parents) => parents,
            Err(fault) => return Visits { fault: Some(fault), ..visits },
        };
        let wanted = |r: &&Arc<Resource>| kind.is_none_or(|kind| r.kind.as_deref() == Some(kind));
        let mut resources: Vec<Arc<Resource>> = resources.iter().filter(wanted).cloned().collect();
        resources.sort_by_cached_key(|r| r.key());
        resources.dedup_by_key(|r| r.key());
        let told = self.cuts.get(&listing).map(|cut| set_apart(&mut resources, listing, *cut)).unwrap_or_default();
        let visits = Visits { resources, lists_all: is_all, is_all, told, ..visits };
        match (listing, found.get(&Listing::CaseRules)) {
            (Listing::CasesTemplateRules, Some(rules)) => visits.without_other_rules(rules),
            _ => visits,
        }
    }
}

/// Takes out the resources that need no visit: their listing tells the number, or a bound below the cut.
fn set_apart(resources: &mut Vec<Arc<Resource>>, listing: Listing, cut: f64) -> Fullest {
    let mut fullest = Fullest::default();
    resources.retain(|resource| {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let Some(told) = resource.told.get(listing.operation()).filter(|t| t.is_exact || (t.value as f64) < cut) else {
            return true;
        };
        let place = if told.is_exact { &mut fullest.exact } else { &mut fullest.at_most };
        if place.as_ref().is_none_or(|(value, _)| told.value > *value) {
            *place = Some((told.value, resource.name.clone()));
        }
        false
    });
    fullest
}

/// Where the tours stand after these visits.
pub(super) fn tours_of(visits: &HashMap<Listing, Visits>) -> Tours {
    visits.iter().map(|(listing, visits)| (listing.qualified(), visits.tour.clone())).collect()
}

impl Visits {
    /// Of the rules of templates only those about field options count: what the rules' own listing names as others is
    /// left out.
    fn without_other_rules(mut self, rules: &Self) -> Self {
        let refusal = rules.refused.as_ref().map(|(_, fault)| fault).filter(|_| rules.children.is_empty());
        self.fault = self.fault.or_else(|| rules.fault.as_ref().or(refusal).cloned());
        let others = rules.children.iter().filter(|rule| rule.kind.as_deref() != Some("FieldOptions"));
        self.leaves_out = others.filter_map(|rule| rule.path.last().cloned()).collect();
        self
    }

    /// What a row says of the resources that refused; none where none did.
    pub fn refusals(&self) -> Option<String> {
        let (refused, fault) = self.refused.as_ref()?;
        Some(format!("{refused} refused to be looked into, the first with: {}", fault.message))
    }

    async fn make(
        mut self,
        listing: Listing,
        aws: &Aws,
        instance: Option<&Instance>,
        (given, budget): (usize, &CallBudget),
        (now, deadline): (Timestamp, Instant),
    ) -> Self {
        if self.fault.is_some() {
            return self;
        }
        let keys: Vec<String> = self.resources.iter().map(|r| r.key()).collect();
        let known = Known { keys: &keys, is_all: self.is_all };
        // Runs that remember nothing begin at another place each hour.
        let hour = usize::try_from(now.as_second().div_euclid(3600)).unwrap_or(0);
        let start = hour.wrapping_mul(given.max(1)) % keys.len().max(1);
        let groups = groups(listing);
        for index in self.tour.order(known, start).into_iter().take(given) {
            let resource = &self.resources[index];
            let seen = Visited {
                key: keys[index].clone(),
                name: resource.name.clone(),
                root: resource.root.clone(),
                value: 0,
                at: now,
            };
            let count = |tally: &Tally| {
                let left_out: u64 = self.leaves_out.iter().map(|group| tally.count_in(group)).sum();
                let of = |g: &&'static str| if *g == ALL { tally.total - left_out } else { tally.count_in(g) };
                groups.iter().map(|g| ((*g).to_owned(), of(g))).collect()
            };
            match aws.visit(listing, instance, resource, budget, deadline).await {
                Ok(Some(tally)) => {
                    self.seen.push((seen, count(&tally)));
                    self.children.extend(tally.resources);
                }
                // It had all calls of the listing and needs more: the tour goes on past it, and says so.
                Ok(None) if self.seen.is_empty() => {
                    self.too_large += 1;
                    self.seen.push((seen, BTreeMap::new()));
                }
                Ok(None) => break,
                // Deleted since it was listed.
                Err(fault) if fault.kind == FaultKind::NotFound => self.seen.push((seen, count(&Tally::default()))),
                // It says nothing about the next one: the tour goes on past it.
                Err(fault) if is_of_this_one(&fault) => {
                    let (refused, _) = self.refused.get_or_insert((0, fault));
                    *refused += 1;
                    self.seen.push((seen, BTreeMap::new()));
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
        }
        self.is_all &= self.seen.len() >= self.resources.len() && self.too_large == 0;
        self.tour = self.tour.after(&self.seen, known, now);
        self
    }
}

/// One resource is refused. Were it all of them, each would say so.
fn is_of_this_one(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Invalid | FaultKind::AccessDenied)
}

/// The groups of items that quotas count in a listing.
fn groups(listing: Listing) -> BTreeSet<&'static str> {
    catalogue::all()
        .filter_map(|q| match q.meter {
            Meter::Worst(l) | Meter::Bounded(l) if l == listing => Some(ALL),
            Meter::WorstIn(l, group) | Meter::Higher(l, group, _) | Meter::SumIn(l, group, _) if l == listing => {
                Some(group)
            }
            Meter::Higher(_, _, l) if l == listing => Some(ALL),
            _ => None,
        })
        .collect()
}
