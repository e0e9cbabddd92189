//! Which rates are read in this run: those of APIs that were called lately, and once a day all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::rates;
use super::scan::Scan;
use crate::aws::cloudwatch::Query;
use crate::catalogue::{self, Meter, Quota, Service};
use crate::domain::Fault;
use crate::domain::activity::Activity;
use crate::domain::alarm::Filter;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::judge::limits;

const NAMESPACE: &str = "AWS/Usage";
const CALLS: &str = "CallCount";
const TYPE: &str = "Type";
const API: &str = "API";
/// `ListMetrics` tells what had data in so many seconds, and learns of it within the late ones.
const RECENT_SECONDS: i64 = 3 * 3_600;
const LATE_SECONDS: i64 = 900;

/// One rate, and where to begin reading it (unix seconds).
pub(super) struct Rate {
    pub service: Service,
    pub code: String,
    pub start: i64,
    pub query: Query,
}

/// What is read, and what needs not to be.
pub(super) struct Asked {
    pub rates: Vec<Rate>,
    /// Keys of the rates of which AWS tells that nothing was called.
    pub idle: Vec<String>,
    pub activity: Activity,
    /// Why all were read, where fewer would have done.
    pub fault: Option<Fault>,
}

fn is_api((name, value): &(String, String)) -> bool {
    name == TYPE && value == API
}

fn is_documented_only(quota: &Quota) -> bool {
    !quota.is_listed() && quota.meter == Meter::Rate
}

/// Under which name the calls of the operations were counted that can tell it. Two names are no answer.
fn names_told(called: &BTreeSet<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let probes: BTreeSet<&str> = catalogue::all().filter_map(|q| Some(q.counted_like()?.0)).collect();
    let mut told = BTreeMap::new();
    for probe in probes {
        let of = |dimensions: &&BTreeMap<String, String>| dimensions.get(limits::RESOURCE).is_some_and(|r| r == probe);
        let names: BTreeSet<&String> = called.iter().filter(of).filter_map(|d| d.get(limits::SERVICE)).collect();
        if let (Some(name), 1) = (names.first(), names.len()) {
            told.insert(probe.to_owned(), (*name).clone());
        }
    }
    told
}

impl Scan {
    /// Which APIs were called lately, for the next run.
    pub async fn activity(&self) -> Activity {
        self.shared().await.activity.clone()
    }

    pub(super) async fn rates_to_read(&self) -> Asked {
        let now = self.now.as_second();
        let from = self.looks_back_to(ACCOUNT_KEY);
        let mut asked =
            Asked { rates: Vec::new(), idle: Vec::new(), activity: self.activity_before.clone(), fault: None };
        let is_longer = self.window.end - from > RECENT_SECONDS - LATE_SECONDS;
        let are_all_due = is_longer || asked.activity.is_all_due(now);
        // Where all are due, nothing is lost without the list: all are read.
        let called = self.called(are_all_due).await.map_err(|fault| asked.fault = (!are_all_due).then_some(fault)).ok();
        if are_all_due || called.is_none() {
            asked.activity.all_read_at = Some(now);
        } else if let Some(called) = &called {
            asked.activity.services.extend(names_told(called));
        }
        for (service, code) in self.rate_codes() {
            let Some((start, query)) = rates::question(self.limits_of(service), &code, from) else { continue };
            let is_known = asked.activity.knows(&code);
            // What is summed up over a longer time, or is no number of calls, is always read.
            let is_listed = query.namespace == NAMESPACE && query.name == CALLS && query.dimensions.iter().any(is_api);
            let is_of_minutes = query.rolling.is_none() && is_listed;
            // Rates that only AWS's documentation lists are never read before they were called.
            let may_be_idle = !are_all_due || catalogue::find(&code).is_some_and(is_documented_only);
            match &called {
                Some(called) if is_of_minutes && may_be_idle && !is_known => {
                    let dimensions: BTreeMap<String, String> = query.dimensions.iter().cloned().collect();
                    if called.contains(&dimensions) {
                        // The last run may not have been told of it yet.
                        asked.rates.push(Rate { service, code, start: start - LATE_SECONDS, query });
                    } else {
                        asked.idle.push(code);
                    }
                }
                _ => asked.rates.push(Rate { service, code, start, query }),
            }
        }
        asked
    }

    /// The dimensions under which calls were counted: in the last three hours those of every API, and where all listed
    /// rates are read anyway, those of Connect's in the last two weeks.
    async fn called(&self, are_all_due: bool) -> Result<BTreeSet<BTreeMap<String, String>>, Fault> {
        let mut dimensions = BTreeMap::from([(TYPE.to_owned(), API.to_owned())]);
        if are_all_due {
            let Some(service) = self.limits_of(Service::Connect).service_in_usage() else {
                return Ok(BTreeSet::new());
            };
            dimensions.insert(limits::SERVICE.to_owned(), service.to_owned());
        }
        let (namespace, name) = (NAMESPACE.to_owned(), CALLS.to_owned());
        let filter = Filter { namespace, name, dimensions, is_recent: !are_all_due };
        self.aws.alarms.active(&filter, self.deadline).await
    }

    /// Every quota whose usage is a metric that Service Quotas names: those of the catalogue, and those
    /// that only Service Quotas knows.
    fn rate_codes(&self) -> Vec<(Service, String)> {
        // What Service Quotas names a metric for is measured, whatever the catalogue thinks.
        let is_read = |q: &&Quota| q.meter == Meter::Rate || rates::is_live(q, self.limits_of(q.service));
        let catalogued = catalogue::all().filter(is_read);
        let mut codes: Vec<(Service, String)> = catalogued.map(|q| (q.service, q.key().to_owned())).collect();
        for service in Service::ASKED {
            let unlisted = self.uncatalogued(*service).into_iter().filter(|listed| listed.has_usage_metric);
            codes.extend(unlisted.map(|listed| (*service, listed.code.to_owned())));
        }
        codes
    }
}
