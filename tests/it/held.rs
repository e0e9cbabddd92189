//! How a world comes to hold what single quotas count that no listing of an instance shows as it is.

use connect_quota_monitor::catalogue::listing::{
    ADM, APNS, ATTACHMENTS, BAIDU, EMAIL, EXPIRATION_DAYS, FCM, ROUTING_PROFILES, SMS,
};
use connect_quota_monitor::catalogue::{Listing, Meter, Quota, Trailed};
use serde_json::{Value, json};
use simaws::{Instance, Resource, World};

use crate::family::parent_of;
use crate::harness::NOON;

/// A record of CloudTrail of an accepted call.
pub fn record(operation: &str, service: &str, at: i64, n: u64, parameters: &Value) -> Value {
    let at = jiff::Timestamp::from_second(at).unwrap().to_string();
    json!({
        "eventID": format!("{operation}-{at}-{n}"), "eventTime": at, "eventName": operation,
        "eventSource": format!("{service}.amazonaws.com"), "requestParameters": parameters,
        "userIdentity": { "type": "IAMUser", "userName": "Alice" },
    })
}

/// A message template whose text of one kind has so many characters.
fn write(template: &mut Resource, kind: &str, n: u64) {
    // Characters, not bytes.
    let text = "ä".repeat(usize::try_from(n).unwrap());
    let body = json!({ "content": text });
    let content = match kind {
        EMAIL => json!({ "email": { "body": { "html": body } } }),
        SMS => json!({ "sms": { "body": { "plainText": body } } }),
        ADM => json!({ "push": { "adm": { "body": body } } }),
        APNS => json!({ "push": { "apns": { "body": body } } }),
        FCM => json!({ "push": { "fcm": { "rawContent": body } } }),
        BAIDU => json!({ "push": { "baidu": { "title": text } } }),
        other => panic!("no text of a template is counted as {other}"),
    };
    template.set("content", content);
}

/// Makes the world hold `n` of what such a quota counts; false for every other quota.
pub fn hold(world: &mut World, quota: &Quota, n: u64) -> bool {
    let many = usize::try_from(n).unwrap();
    match quota.meter {
        Meter::Bounded(Listing::FormVersions) => {
            world.instances[0].set("ListEvaluationForms", 2).set_children("ListEvaluationFormVersions", 1, n);
        }
        Meter::WorstIn(Listing::MessageTemplateDetails, kind) if kind != ATTACHMENTS => {
            let template = parent_of(world, Listing::MessageTemplateDetails);
            if kind == ROUTING_PROFILES {
                let values: Vec<String> = (0..n).map(|n| format!("arn:profile-{n}")).collect();
                template.set("groupingConfiguration", json!({ "criteria": "RoutingProfileArn", "values": values }));
            } else {
                write(template, kind, n);
            }
        }
        Meter::Higher(listing, EXPIRATION_DAYS, _) => {
            parent_of(world, listing).set("ExpirationDays", n);
            world.resource("profile", "ListDomains", 0).set("DefaultExpirationDays", 7);
        }
        // Not all at one integration, and those of another source do not count.
        Meter::SumIn(listing, ..) => {
            let service = listing.service().code();
            for place in 0..4 {
                world.add_many(service, "ListDataIntegrations", 1);
                let integration = world.resource(service, "ListDataIntegrations", place);
                if place < 3 {
                    integration.set("SourceURI", "AmazonConnect://AppIntegrations/x");
                }
                let jobs = if place < 3 { many / 3 + usize::from(place < many % 3) } else { 5 };
                integration.add(listing.operation(), jobs);
                for job in 0..jobs {
                    let running = json!({ "ExecutionStatus": "IN_PROGRESS" });
                    integration.child(listing.operation(), job).set("LastExecutionStatus", running);
                }
            }
        }
        Meter::WorstMarked(..) => {
            let source = "OnPostChatAnalysisAvailable".to_owned();
            world.instances[0].rules.insert(source.clone(), n + 1);
            world.instances[0].language_rules.insert(source, n);
        }
        Meter::OfInstance(Listing::TrafficGroups) => world.instances[0].traffic_groups = n,
        Meter::Count(Listing::Replicas) => {
            // They are instances, too.
            world.quotas.set_account("L-AA17A6B9", 100.0);
            for number in 2..n + 2 {
                let mut replica = Instance::new(u32::try_from(number).unwrap(), &format!("replica-{number}"));
                (replica.replica_of, replica.traffic_groups) = (Some("eu-west-2".to_owned()), 1);
                world.instances.push(replica);
            }
        }
        Meter::Trail(trailed) => {
            let instance = world.instances[0].arn(world);
            for n in 0..n {
                let (operation, service, parameters) = match trailed {
                    Trailed::Instances => ("CreateInstance", "connect", json!({ "InstanceAlias": "x" })),
                    Trailed::Numbers => ("ClaimPhoneNumber", "connect", json!({ "TargetArn": instance })),
                    Trailed::Snapshots => ("CreateSegmentSnapshot", "profile", json!({ "DomainName": "crm" })),
                };
                world.trail.records.push(record(operation, service, NOON - 600, n, &parameters));
            }
            if trailed == Trailed::Numbers {
                // Its limit is twice this one.
                world.quotas.set_account("L-8F812903", 10.0);
            }
        }
        _ => return false,
    }
    true
}
