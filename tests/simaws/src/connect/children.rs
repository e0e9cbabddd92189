//! What stands below one item of an instance: a line for each operation. The item is named in the path,
//! pages are asked for in the query string, whatever the method.

use serde_json::{Value, json};

use super::account::with_token;
use super::items::{self, Maker};
use super::request::{PageSize, Params, serialization};
use crate::ids::place_of;
use crate::wire::{Answer, AwsError, Context, respond};
use crate::world::Instance;

/// What all these operations call a bad parameter.
const INVALID: &str = "InvalidParameterException";

#[derive(Debug)]
pub(crate) struct Children {
    pub operation: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    /// What kind of id the path names after the instance's.
    parent: &'static str,
    /// How many of these there are.
    parents: fn(&Instance) -> u64,
    list: &'static str,
    max: u64,
    item: fn(&Maker<'_>, u64, u64) -> Value,
    /// Members of the body that would narrow the listing. They are refused, because a count that ignores
    /// them would look right.
    refused: &'static [&'static str],
    /// Whether the answer says when the parent was last changed.
    dated: bool,
}

impl Children {
    const fn get(
        operation: &'static str,
        path: &'static str,
        (parent, parents): (&'static str, fn(&Instance) -> u64),
        list: &'static str,
        item: fn(&Maker<'_>, u64, u64) -> Value,
    ) -> Self {
        let (method, max, refused, dated) = ("GET", 100, &[] as &[&str], true);
        Self { operation, method, path, parent, parents, list, max, item, refused, dated }
    }

    /// For data tables: a `POST` with pages of 1000.
    const fn of_table(self, refused: &'static [&'static str]) -> Self {
        Self { method: "POST", max: 1000, refused, dated: false, ..self }
    }

    pub(crate) fn answer(&self, context: &Context<'_>, ids: &[&str]) -> Answer {
        let params = Params::read(context.call, false)?.at_path(ids.first().copied());
        let instance = params.instance(context, INVALID)?;
        let body = context.call.json()?;
        if let Some(name) = self.refused.iter().find(|name| !matches!(&body[**name], Value::Null)) {
            let list = body[*name].as_array().ok_or_else(|| serialization("START_ARRAY"))?;
            if !list.is_empty() {
                return Err(AwsError::new(400, INVALID, &format!("{name} is not simulated")));
            }
        }
        let id = ids.get(1).copied().unwrap_or_default();
        let place = parent(instance, self.parent, (self.parents)(instance), id)?;
        let total = match self.parent {
            "routing-profile" => instance.pairs_of(self.operation, place),
            _ => instance.children_of(self.operation, place),
        };
        let binding = format!("{} {} {id}", self.operation, instance.id);
        let size = PageSize { default: if self.max < 100 { self.max } else { 100 }, max: self.max };
        let page = params.page(context, &binding, (size, INVALID), total, |_| true)?;
        let maker = Maker { world: context.world, instance };
        let list: Vec<Value> = page.indexes.into_iter().map(|index| (self.item)(&maker, place, index)).collect();
        let mut body = with_token(json!({ self.list: list }), page.next);
        if self.dated {
            body["LastModifiedTime"] = maker.modified(place).into();
            body["LastModifiedRegion"] = context.world.region.as_str().into();
        }
        Ok(respond(200, "application/json", body.to_string()))
    }
}

/// Where the item with this id stands in its listing.
fn parent(instance: &Instance, kind: &str, total: u64, id: &str) -> Result<u64, AwsError> {
    place_of(kind, &instance.id, total, id).ok_or_else(|| {
        AwsError::new(404, "ResourceNotFoundException", &format!("There is no {kind} with id {id} in the instance"))
    })
}

const QUEUE: (&str, fn(&Instance) -> u64) = ("queue", |i| i.count("ListQueues") + i.agent_queues);
const PROFILE: (&str, fn(&Instance) -> u64) = ("routing-profile", |i| i.count("ListRoutingProfiles"));
const USER: (&str, fn(&Instance) -> u64) = ("agent", |i| i.count("ListUsers"));
const FORM: (&str, fn(&Instance) -> u64) = ("evaluation-form", |i| i.count("ListEvaluationForms"));
const TABLE: (&str, fn(&Instance) -> u64) = ("data-table", |i| i.count("ListDataTables"));

#[rustfmt::skip]
pub(crate) static CHILDREN: &[Children] = &[
    Children::get("ListQueueEmailAddresses", "/queues/{}/{}/email-addresses", QUEUE, "EmailAddressMetadataList", email_address),
    Children::get("ListQueueQuickConnects", "/queues/{}/{}/quick-connects", QUEUE, "QuickConnectSummaryList", |maker, _, index| items::quick_connect(maker, index)),
    Children::get("ListRoutingProfileQueues", "/routing-profiles/{}/{}/queues", PROFILE, "RoutingProfileQueueConfigSummaryList", |maker, profile, index| items::routing_profile_pair(maker, "ListRoutingProfileQueues", profile, index)),
    Children::get("ListRoutingProfileManualAssignmentQueues", "/routing-profiles/{}/{}/manual-assignment-queues", PROFILE, "RoutingProfileManualAssignmentQueueConfigSummaryList", manual_pair),
    Children::get("ListEvaluationFormVersions", "/evaluation-forms/{}/{}/versions", FORM, "EvaluationFormVersionSummaryList", form_version),
    Children::get("ListUserProficiencies", "/users/{}/{}/proficiencies", USER, "UserProficiencyList", proficiency),
    Children::get("ListDataTableAttributes", "/data-tables/{}/{}/attributes", TABLE, "Attributes", attribute).of_table(&["AttributeIds"]),
    Children::get("ListDataTableValues", "/data-tables/{}/{}/values/list", TABLE, "Values", value).of_table(&["RecordIds", "PrimaryAttributeValues"]),
];

/// The newest versions: older ones were deleted where the number of the newest is higher.
fn form_version(maker: &Maker<'_>, form: u64, index: u64) -> Value {
    let newest = maker.instance.newest_version(form);
    json!({
        "EvaluationFormArn": maker.arn("evaluation-form", form),
        "EvaluationFormId": maker.id("evaluation-form", form),
        "EvaluationFormVersion": newest - index,
        "Locked": true,
        "Status": if index == 0 { "ACTIVE" } else { "DRAFT" },
        "CreatedTime": 1_700_000_000,
        "CreatedBy": maker.arn("agent", 0),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedBy": maker.arn("agent", 0),
    })
}

fn manual_pair(maker: &Maker<'_>, profile: u64, index: u64) -> Value {
    let mut pair = items::routing_profile_pair(maker, "ListRoutingProfileManualAssignmentQueues", profile, index);
    if let Some(members) = pair.as_object_mut() {
        // Nothing is routed, so nothing has a priority.
        members.retain(|name, _| !matches!(name.as_str(), "Priority" | "Delay"));
    }
    pair
}

fn email_address(maker: &Maker<'_>, _: u64, index: u64) -> Value {
    let address = items::email_address(maker, index);
    json!({
        "Id": address["EmailAddressId"],
        "Arn": address["EmailAddressArn"],
        "IsDefaultOutboundEmail": index == 0,
    })
}

fn proficiency(maker: &Maker<'_>, _: u64, index: u64) -> Value {
    json!({
        "AttributeName": maker.text(&format!("Attribute {}", index + 1)),
        "AttributeValue": maker.text("French"),
        "Level": 1.0 + (index % 5) as f64,
    })
}

fn attribute_id(maker: &Maker<'_>, table: u64, index: u64) -> String {
    maker.id(&format!("data-table-{table}-attribute"), index)
}

fn attribute(maker: &Maker<'_>, table: u64, index: u64) -> Value {
    json!({
        "AttributeId": attribute_id(maker, table, index),
        "Name": maker.text(&format!("Column {}", index + 1)),
        "ValueType": "TEXT",
        "Description": maker.text("What stands in this column"),
        "DataTableId": maker.id("data-table", table),
        "DataTableArn": maker.arn("data-table", table),
        "Primary": index < maker.instance.children_of("Primary", table),
        "Version": "1",
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

/// One cell: of the columns that are not primary, row after row.
fn value(maker: &Maker<'_>, table: u64, index: u64) -> Value {
    let primary = maker.instance.children_of("Primary", table);
    let columns = maker.instance.children_of("ListDataTableAttributes", table).saturating_sub(primary).max(1);
    let (row, column) = (index / columns, primary + index % columns);
    let keys: Vec<Value> = (0..primary)
        .map(|key| {
            json!({
                "AttributeName": maker.text(&format!("Column {}", key + 1)),
                "AttributeId": attribute_id(maker, table, key),
                "Value": maker.text(&format!("Row {}", row + 1)),
            })
        })
        .collect();
    json!({
        "RecordId": maker.id(&format!("data-table-{table}-record"), row),
        "AttributeId": attribute_id(maker, table, column),
        "PrimaryValues": keys,
        "AttributeName": maker.text(&format!("Column {}", column + 1)),
        "ValueType": "TEXT",
        "Value": maker.text("98101"),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

/// A task template with its fields. Other versions than the newest do not exist.
pub(crate) fn get_task_template(context: &Context<'_>, params: &Params, ids: &[&str]) -> Answer {
    let instance = params.instance(context, INVALID)?;
    let id = ids.get(1).copied().unwrap_or_default();
    let place = parent(instance, "task-template", instance.count("ListTaskTemplates"), id)?;
    let maker = Maker { world: context.world, instance };
    const TYPES: [&str; 4] = ["TEXT", "NUMBER", "BOOLEAN", "DATE_TIME"];
    let field = |index: u64| {
        json!({
            "Id": { "Name": maker.text(&format!("Field {}", index + 1)) },
            "Description": maker.text("What the agent enters"),
            "Type": TYPES[usize::try_from(index).unwrap_or(0) % TYPES.len()],
        })
    };
    let of_every = |kind: &str| json!({ "Id": { "Name": maker.text(kind) }, "Type": kind });
    let mut fields: Vec<Value> = (0..instance.children_of("GetTaskTemplate", place)).map(field).collect();
    fields.extend(["NAME", "DESCRIPTION", "SELF_ASSIGN"].map(of_every));
    let mut body = items::task_template(&maker, place);
    body["InstanceId"] = instance.id.as_str().into();
    body["Fields"] = fields.into();
    body["Tags"] = json!({ "owner": maker.text("Ada") });
    Ok(respond(200, "application/json", body.to_string()))
}

/// Of the instance's hours one after the other.
pub(crate) fn override_of_hours(maker: &Maker<'_>, index: u64) -> Value {
    let (mut hours, mut place) = (0, index);
    while place >= maker.instance.children_of(OVERRIDES, hours) && hours < maker.instance.count("ListHoursOfOperations")
    {
        place -= maker.instance.children_of(OVERRIDES, hours);
        hours += 1;
    }
    json!({
        "HoursOfOperationOverrideId": maker.id("operating-hours-override", index),
        "HoursOfOperationId": maker.id("operating-hours", hours),
        "HoursOfOperationArn": maker.arn("operating-hours", hours),
        "Name": maker.text(&format!("Holiday {}", place + 1)),
        "Description": maker.text("Closed for the day"),
        "Config": [],
        "EffectiveFrom": "2026-12-25",
        "EffectiveTill": "2026-12-25",
        "OverrideType": "CLOSED",
    })
}

const OVERRIDES: &str = "SearchHoursOfOperationOverrides";

/// Those of hours that the instance has.
pub(crate) fn overrides(instance: &Instance) -> u64 {
    (0..instance.count("ListHoursOfOperations")).map(|hours| instance.children_of(OVERRIDES, hours)).sum()
}
