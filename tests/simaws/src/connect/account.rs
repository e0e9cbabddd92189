//! Connect operations on the account rather than on one instance's things.

use serde_json::{Value, json};

use super::items::{self, Maker};
use super::request::{PageSize, Params, instance_not_found};
use crate::ids::hash;
use crate::wire::{Answer, AwsError, Context, respond};
use crate::world::{Instance, World};

const INVALID_PARAMETER: &str = "InvalidParameterException";
const INVALID_REQUEST: &str = "InvalidRequestException";

fn ok(body: &Value) -> Answer {
    Ok(respond(200, "application/json", body.to_string()))
}

fn instance_body(instance: &Instance, world: &World) -> Value {
    let alias = instance.alias.as_deref();
    let mut body = json!({
        "Id": instance.id,
        "Arn": instance.arn(world),
        "IdentityManagementType": "CONNECT_MANAGED",
        "CreatedTime": 1_650_000_000 + hash(&instance.id) % 50_000_000,
        "ServiceRole": format!(
            "arn:{}:iam::{}:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_{}",
            world.partition, world.account_id, instance.id.get(..8).unwrap_or(&instance.id)
        ),
        "InstanceStatus": instance.status,
        "InboundCallsEnabled": true,
        "OutboundCallsEnabled": true,
    });
    if let Some(alias) = alias {
        body["InstanceAlias"] = alias.into();
        body["InstanceAccessUrl"] = format!("https://{alias}.my.connect.aws").into();
    }
    body
}

pub(crate) fn list_instances(context: &Context<'_>, params: &Params) -> Answer {
    let world = &*context.world;
    let size = PageSize { default: 10, max: 10 };
    let total = world.instances.len() as u64;
    let page = params.page(context, "ListInstances", (size, INVALID_REQUEST), total, |_| true)?;
    let at = |index: u64| world.instances.get(usize::try_from(index).ok()?);
    let list: Vec<Value> =
        page.indexes.into_iter().filter_map(at).map(|instance| instance_body(instance, world)).collect();
    ok(&with_token(json!({ "InstanceSummaryList": list }), page.next))
}

pub(crate) fn describe_instance(context: &Context<'_>, params: &Params) -> Answer {
    let instance = params.instance(context, INVALID_REQUEST)?;
    let mut body = instance_body(instance, context.world);
    if instance.status == "CREATION_FAILED" {
        body["StatusReason"] = json!({ "Message": "The directory could not be created." });
    }
    let mut answer = json!({ "Instance": body });
    // Both sides of a replication tell of it.
    if let Some(source) = &instance.replica_of {
        answer["ReplicationConfiguration"] = json!({ "SourceRegion": source, "ReplicationStatusSummaryList": [] });
    } else if instance.groups() > 0 {
        answer["ReplicationConfiguration"] = json!({ "SourceRegion": context.world.region });
    }
    ok(&answer)
}

/// Without a target, the numbers of all instances and of all traffic distribution groups: this is why
/// one call can serve every instance.
pub(crate) fn list_phone_numbers(context: &Context<'_>, params: &Params) -> Answer {
    let invalid = |message: &str| AwsError::new(400, INVALID_PARAMETER, message);
    let world = &*context.world;
    let (target, instance_id) = (params.text("TargetArn")?, params.text("InstanceId")?);
    let types = params.texts("PhoneNumberTypes")?;
    let countries = params.texts("PhoneNumberCountryCodes")?;
    let prefix = params.text("PhoneNumberPrefix")?;
    const TYPES: [&str; 7] = ["TOLL_FREE", "DID", "UIFN", "SHARED", "THIRD_PARTY_TF", "THIRD_PARTY_DID", "SHORT_CODE"];
    if types.iter().any(|kind| !TYPES.contains(kind)) || types.len() > 6 || countries.len() > 10 {
        return Err(invalid("PhoneNumberTypes or PhoneNumberCountryCodes are not valid"));
    }
    // (owner, its ARN, numbers, whether the owner is the instance itself)
    let owners: Vec<(&Instance, String, u64, bool)> = world
        .instances
        .iter()
        .flat_map(|instance| {
            let group = instance.traffic_distribution_group(world, 0);
            [
                (instance, instance.arn(world), instance.phone_numbers, true),
                (instance, group, instance.tdg_phone_numbers, false),
            ]
        })
        .collect();
    let owners: Vec<_> = match (target, instance_id) {
        (Some(_), Some(_)) => return Err(invalid("Only one of TargetArn and InstanceId may be given")),
        (None, None) => owners,
        (Some(target), None) => {
            let chosen: Vec<_> = owners.into_iter().filter(|(_, arn, ..)| arn == target).collect();
            if chosen.is_empty() {
                return Err(instance_not_found(target));
            }
            chosen
        }
        (None, Some(_)) => {
            let id = &params.instance(context, INVALID_PARAMETER)?.id;
            owners.into_iter().filter(|(owner, _, _, own)| *own && owner.id == *id).collect()
        }
    };
    let number_at = |mut index: u64| {
        for (instance, arn, count, own) in &owners {
            if index < *count {
                let maker = Maker { world, instance };
                return Some(items::phone_number(&maker, index, arn, *own));
            }
            index -= count;
        }
        None
    };
    let keep = |index: u64| {
        let Some(number) = number_at(index) else { return false };
        let is = |key: &str, wanted: &[&str]| wanted.is_empty() || wanted.iter().any(|one| number[key] == **one);
        let starts =
            prefix.is_none_or(|prefix| number["PhoneNumber"].as_str().is_some_and(|text| text.starts_with(prefix)));
        is("PhoneNumberType", &types) && is("PhoneNumberCountryCode", &countries) && starts
    };
    let total = owners.iter().map(|(_, _, count, _)| count).sum();
    let binding = format!("ListPhoneNumbersV2 {target:?} {instance_id:?} {types:?} {countries:?} {prefix:?}");
    let size = PageSize { default: 100, max: 1000 };
    let page = params.page(context, &binding, (size, INVALID_PARAMETER), total, keep)?;
    let list: Vec<Value> = page.indexes.into_iter().filter_map(number_at).collect();
    ok(&with_token(json!({ "ListPhoneNumbersSummaryList": list }), page.next))
}

/// The groups of replicated instances; the first one of each is its default group.
pub(crate) fn list_traffic_distribution_groups(context: &Context<'_>, params: &Params) -> Answer {
    let world = &*context.world;
    let wanted = params.text("instanceId")?;
    let groups: Vec<(&Instance, u64)> = world
        .instances
        .iter()
        .filter(|instance| wanted.is_none_or(|wanted| instance.id == wanted || instance.arn(world) == wanted))
        .flat_map(|instance| (0..instance.groups()).map(move |group| (instance, group)))
        .collect();
    let size = PageSize { default: 10, max: 10 };
    let binding = format!("ListTrafficDistributionGroups {wanted:?}");
    let page = params.page(context, &binding, (size, INVALID_REQUEST), groups.len() as u64, |_| true)?;
    let at = |index: u64| groups.get(usize::try_from(index).ok()?).copied();
    let list: Vec<Value> = page
        .indexes
        .into_iter()
        .filter_map(at)
        .map(|(instance, group)| {
            let arn = instance.traffic_distribution_group(world, group);
            json!({
                "Id": arn.rsplit('/').next(),
                "Arn": arn,
                "Name": Maker { world, instance }.text("Both Regions"),
                "InstanceArn": instance.arn(world),
                "Status": "ACTIVE",
                "IsDefault": group == 0,
            })
        })
        .collect();
    ok(&with_token(json!({ "TrafficDistributionGroupSummaryList": list }), page.next))
}

/// Adds the token of the next page; the last page has no such member.
pub(crate) fn with_token(mut body: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        body["NextToken"] = next.into();
    }
    body
}
