//! Amazon Connect outbound campaigns, version 2. Pages are asked for in the body.

use serde_json::{Value, json};

use super::answer::{View, ok};
use super::request::Request;
use super::{Api, Narrow, Operation, Paging};
use crate::ids::uuid;
use crate::wire::{Answer, AwsError};

const POST: &str = "POST";

pub(super) static API: Api = Api {
    name: "connect-campaigns",
    operations: OPERATIONS,
    invalid: "ValidationException",
    internal: "InternalServerException",
    throttled: 429,
    message: "message",
    paging: Paging { in_body: true, max_results: "maxResults", next_token: "nextToken", answered: "nextToken" },
    arns: false,
    id: |id| (1..=256).contains(&id.len()),
    hidden: &["state"],
};

const INSTANCE: Narrow = Narrow { member: "connectInstanceId", read: instance_filter };

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    Operation::list("ListCampaigns", POST, "/v2/campaigns-summary", ("campaignSummaryList", 50), campaign).called("Campaign ", "campaign/{}").narrowed(INSTANCE).rate(5.0, 10),
    Operation::detail("GetCampaignStateBatch", POST, "/v2/campaigns-state", get_state_batch).rate(5.0, 10),
];

/// A campaign is of the first instance, unless it says another.
fn campaign(view: &View<'_>) -> Value {
    let instance = view.world.instances.first().map_or_else(|| uuid("instance", "", 1), |first| first.id.clone());
    json!({
        "id": view.id(),
        "arn": view.arn(),
        "name": view.marked_name(),
        "connectInstanceId": instance,
        "channelSubtypes": ["TELEPHONY"],
        "type": "MANAGED",
        "lastModifiedTime": view.iso(),
    })
}

fn instance_filter(request: &Request<'_>) -> Result<Vec<String>, AwsError> {
    let filters = match &request.body["filters"] {
        Value::Null => return Ok(Vec::new()),
        Value::Object(filters) => filters,
        _ => return Err(request.invalid("filters must be a structure")),
    };
    let filter = match filters.get("instanceIdFilter") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(filter) => filter,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let value = filter["value"].as_str().filter(|text| (1..=256).contains(&text.len()) && text.chars().all(plain));
    match (value, filter["operator"].as_str()) {
        (Some(value), Some("Eq")) => Ok(vec![value.to_owned()]),
        _ => Err(request.invalid("instanceIdFilter needs a value and the operator Eq")),
    }
}

/// The states of up to 25 campaigns: member `state`, or `Running`.
fn get_state_batch(view: &View<'_>, request: &Request<'_>) -> Answer {
    let wanted = request.body["campaignIds"].as_array().filter(|ids| (1..=25).contains(&ids.len()));
    let wanted = wanted.ok_or_else(|| request.invalid("campaignIds must hold 1 to 25 ids"))?;
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for id in wanted {
        let id = id.as_str().ok_or_else(|| request.invalid("a campaign id is no text"))?;
        let campaign = view.world.top("connect-campaigns", "ListCampaigns").iter().find(|one| one.id == id);
        match campaign {
            Some(campaign) => {
                let state = campaign.text("state").unwrap_or("Running");
                found.push(json!({ "campaignId": id, "state": state }));
            }
            None => failed.push(json!({ "campaignId": id, "failureCode": "ResourceNotFound" })),
        }
    }
    ok(&json!({ "successfulRequests": found, "failedRequests": failed }))
}
