//! What holds for every line of the catalogue.

use std::collections::BTreeSet;

use super::*;

#[test]
fn codes_have_the_service_quotas_form_and_are_unique() {
    let mut seen = BTreeSet::new();
    for quota in all() {
        assert!(seen.insert(quota.id().key().to_owned()), "{} stands twice", quota.name);
        if quota.is_listed() {
            let hex = quota.code.strip_prefix("L-").unwrap_or_default();
            assert!(
                hex.len() == 8 && hex.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)),
                "{} is no Service Quotas code",
                quota.code
            );
        }
    }
}

#[test]
fn every_rate_quota_is_there() {
    let rates = |service| all().filter(|q| q.meter == Meter::Rate && q.service == service).count();
    assert_eq!([Service::Connect, Service::Cases, Service::AppIntegrations].map(rates), [283 + 125, 36, 21]);
}

#[test]
fn a_listing_is_asked_where_its_quotas_stand() {
    for quota in all() {
        let Some(listing) = quota.meter.listing() else { continue };
        let fits = match quota.meter {
            Meter::Worst(_) | Meter::WorstIn(..) | Meter::Higher(..) | Meter::SumIn(..) | Meter::Bounded(_) => {
                matches!(listing.place(), Place::Each(..))
            }
            Meter::OfInstance(_) => listing.place() == Place::Account && quota.scope == Scope::Instance,
            Meter::DistinctIn(..) => listing.place() == Place::Instance && quota.scope == Scope::Account,
            _ if quota.scope == Scope::Account => listing.place() == Place::Account,
            _ => listing.place() == Place::Instance,
        };
        assert!(fits, "{} cannot be counted by {listing:?}", quota.name);
        assert_eq!(listing.service(), quota.service, "{}", quota.name);
    }
}

#[test]
fn a_quota_that_cannot_be_measured_says_why() {
    for quota in all() {
        if let Meter::NotMeasurable(reason) = quota.meter {
            assert!(reason.len() > 20, "{} gives no reason", quota.name);
        }
    }
}
#[test]
fn what_is_full_turns_something_away_or_keeps_something_from_being_made() {
    let live = |key: &str| find(key).unwrap().impact == Impact::Live;
    for quota in all() {
        let measures_a_flow =
            matches!(quota.meter, Meter::Gauge(_) | Meter::QueueCapacity(_) | Meter::Rate | Meter::Burst);
        assert!(!measures_a_flow || quota.impact == Impact::Live, "{}", quota.name);
        assert!(quota.category != Category::ApiRates || quota.impact == Impact::Live, "{}", quota.name);
        assert!(measures_a_flow || quota.meter.listing().is_none() || quota.impact == Impact::Build, "{}", quota.name);
    }
    // What is not measured, but turns contacts away.
    for key in ["L-E908C3A1", "L-DA88F710", "L-F4849009", "Contacts in an agent queue per instance"] {
        assert!(live(key), "{key}");
    }
    for key in ["L-AA17A6B9", "L-79564E52", "L-3233242F", "L-7F7B4C39", "Concurrent bulk export jobs"] {
        assert!(!live(key), "{key}");
    }
}

#[test]
fn a_count_of_which_aws_allows_one_is_marked_so() {
    for quota in all() {
        let allows_one = quota.default == Some(1.0) && quota.meter.listing().is_some();
        assert_eq!(quota.is_single, allows_one, "{}", quota.name);
    }
    let singles: Vec<&str> = all().filter(|q| q.is_single).map(|q| q.code).collect();
    assert_eq!(singles, ["L-FFE16A0F", "L-0AA82C05", "L-C7548958", "L-02421311", "L-A0E2082D", "L-1DED0840"]);
}
