//! AWS Organizations, and the Regions of Account Management.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::estate::Land;
use crate::wire::{Answer, AwsError, Call, respond};

/// An account of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub name: String,
    /// `ACTIVE`, `SUSPENDED`, `CLOSED` ...
    pub state: String,
    /// The id of its root or unit.
    pub parent: String,
    pub tags: BTreeMap<String, String>,
}

/// Accounts and units.
#[derive(Clone, Debug, Default)]
pub struct Organization {
    pub members: Vec<Member>,
    /// Units by the id of their parent.
    pub units: BTreeMap<String, Vec<String>>,
    /// Every call fails with this status, code and message.
    pub fault: Option<(u16, String, String)>,
}

impl Organization {
    /// Adds an active account.
    pub fn add(&mut self, id: &str, name: &str, parent: &str) -> &mut Member {
        self.members.push(Member {
            id: id.to_owned(),
            name: name.to_owned(),
            state: "ACTIVE".to_owned(),
            parent: parent.to_owned(),
            tags: BTreeMap::new(),
        });
        let last = self.members.len() - 1;
        &mut self.members[last]
    }
}

/// Accounts and units come in pages of twenty.
const PAGE: usize = 20;

fn page(all: &[Value], name: &str, body: &Value) -> Result<Value, AwsError> {
    let start = match body["NextToken"].as_str() {
        None => 0,
        Some(token) => token.parse::<usize>().map_err(|_| {
            AwsError::new(400, "InvalidInputException", "You provided a value for NextToken that is not valid.")
        })?,
    };
    let size = usize::try_from(body["MaxResults"].as_u64().unwrap_or(20)).unwrap_or(PAGE);
    if !(1..=PAGE).contains(&size) {
        return Err(AwsError::new(400, "InvalidInputException", "MaxResults must be between 1 and 20."));
    }
    let end = (start + size).min(all.len());
    let mut answer = json!({ name: all[start.min(end)..end] });
    if end < all.len() {
        answer["NextToken"] = json!(end.to_string());
    }
    Ok(answer)
}

fn account(member: &Member) -> Value {
    json!({
        "Id": member.id, "Arn": format!("arn:aws:organizations::999999999999:account/o-simulated/{}", member.id),
        "Email": format!("{}@example.com", member.id), "Name": member.name, "State": member.state,
        "JoinedMethod": "CREATED", "JoinedTimestamp": 1.6e9,
    })
}

pub(crate) fn answer(land: &mut Land, call: &Call) -> (String, Answer) {
    let operation = match call.target("AWSOrganizationsV20161128") {
        Ok(operation) => operation,
        Err(error) => return (String::new(), Err(error)),
    };
    let answered = of_organizations(land, &operation, call);
    (operation, answered.map(|body| respond(200, "application/x-amz-json-1.1", body.to_string())))
}

fn of_organizations(land: &Land, operation: &str, call: &Call) -> Result<Value, AwsError> {
    let organization = &land.organization;
    if let Some((status, code, message)) = &organization.fault {
        return Err(AwsError::new(*status, code, message));
    }
    let body = call.json()?;
    let parent = body["ParentId"].as_str().unwrap_or_default();
    let is_known = organization.units.contains_key(parent)
        || organization.units.values().flatten().any(|unit| unit == parent)
        || organization.members.iter().any(|member| member.parent == parent);
    if operation.ends_with("ForParent") && !is_known {
        let message = "You specified parent that doesn't exist.";
        return Err(AwsError::new(400, "ParentNotFoundException", message));
    }
    match operation {
        "ListAccounts" => page(&organization.members.iter().map(account).collect::<Vec<_>>(), "Accounts", &body),
        "ListAccountsForParent" => {
            let members: Vec<Value> = organization.members.iter().filter(|m| m.parent == parent).map(account).collect();
            page(&members, "Accounts", &body)
        }
        "ListOrganizationalUnitsForParent" => {
            let units: Vec<Value> = organization
                .units
                .get(parent)
                .into_iter()
                .flatten()
                .map(|id| json!({ "Id": id, "Name": format!("unit {id}"), "Arn": "" }))
                .collect();
            page(&units, "OrganizationalUnits", &body)
        }
        "ListTagsForResource" => {
            let id = body["ResourceId"].as_str().unwrap_or_default();
            let Some(member) = organization.members.iter().find(|member| member.id == id) else {
                return Err(AwsError::new(
                    400,
                    "TargetNotFoundException",
                    "You specified a target that doesn't exist.",
                ));
            };
            let tags: Vec<Value> = member.tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect();
            Ok(json!({ "Tags": tags }))
        }
        _ => Err(AwsError::new(400, "UnknownOperationException", "")),
    }
}

/// `ListRegions` of Account Management, for the account whose credentials are used.
pub(crate) fn regions(land: &mut Land, account: &str, call: &Call) -> (String, Answer) {
    let operation = "ListRegions".to_owned();
    if call.path != "/listRegions" {
        return (operation, Err(AwsError::new(404, "UnknownOperationException", "")));
    }
    let body = match call.json() {
        Ok(body) => body,
        Err(error) => return (operation, Err(error)),
    };
    let wanted: Vec<&str> =
        body["RegionOptStatusContains"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let all: Vec<Value> = land
        .regions
        .iter()
        .map(|region| {
            let is_off = land.off.contains(&(account.to_owned(), region.clone()));
            (region, if is_off { "DISABLED" } else { "ENABLED_BY_DEFAULT" })
        })
        .filter(|(_, status)| wanted.is_empty() || wanted.contains(status))
        .map(|(region, status)| json!({ "RegionName": region, "RegionOptStatus": status }))
        .collect();
    (operation, Ok(respond(200, "application/json", json!({ "Regions": all }).to_string())))
}
