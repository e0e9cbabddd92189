//! Requests for higher quotas: taken, refused for AWS's reasons, and listed. Nobody answers them; a
//! test changes them in `Quotas::change_requests`.

use serde_json::{Value, json};

use super::{Input, illegal, no_such, page, service_name};
use crate::ids::uuid;
use crate::quotas::Scope;
use crate::wire::{AwsError, Context};

const LARGEST: f64 = 1e10;

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Value, AwsError> {
    let service = input.text("ServiceCode")?;
    if service.is_some() {
        input.service(context.world)?;
    }
    let level = input.text("QuotaRequestedAtLevel")?.unwrap_or("ACCOUNT");
    if !["ACCOUNT", "RESOURCE", "ALL"].contains(&level) {
        return Err(illegal("QuotaRequestedAtLevel must be one of: ACCOUNT, RESOURCE, ALL"));
    }
    let filters = [
        ("ServiceCode", service),
        ("Status", input.text("Status")?),
        ("QuotaRequestedAtLevel", Some(level).filter(|level| *level != "ALL")),
    ];
    let wanted =
        |request: &&Value| filters.iter().all(|(name, value)| value.is_none_or(|value| request[name] == *value));
    let list: Vec<Value> = context.world.quotas.change_requests.iter().filter(wanted).cloned().collect();
    page(context, input, &format!("ListRequestedServiceQuotaChangeHistory {filters:?}"), &list, "RequestedQuotas")
}

pub(super) fn ask(context: &mut Context<'_>, input: &Input) -> Result<Value, AwsError> {
    let row = input.row(context.world)?;
    let desired = match &input.0["DesiredValue"] {
        Value::Null => {
            return Err(illegal(
                "1 validation error detected: Value null at 'desiredValue' failed to satisfy constraint: Member must not be null",
            ));
        }
        value => {
            value.as_f64().ok_or_else(|| AwsError::new(400, "SerializationException", "NUMBER_VALUE was expected."))?
        }
    };
    if !(0.0..=LARGEST).contains(&desired) {
        return Err(illegal("1 validation error detected: Value at 'desiredValue' is out of range"));
    }
    let world = &*context.world;
    let resource = input.text("ContextId")?.filter(|id| *id != "*");
    if resource.is_some() && (row.service != "connect" || row.scope != Scope::Instance) {
        return Err(illegal("The quota is not a resource-level quota: remove the context ID."));
    }
    if let Some(arn) = resource
        && !world.instances.iter().any(|instance| instance.arn(world) == arn)
    {
        return Err(no_such("The request failed because the specified resource does not exist."));
    }
    if !row.adjustable {
        return Err(illegal("The quota cannot be adjusted."));
    }
    let applied = |id| world.quotas.context_values(row).find(|(context, _)| *context == id).map(|(_, value)| value);
    let current = resource
        .and_then(|arn| applied(arn).or_else(|| applied("*")))
        .or_else(|| world.quotas.account_value(row))
        .unwrap_or_else(|| world.quotas.default_value(row));
    if desired <= current {
        return Err(illegal("You must provide a quota value greater than the current quota value."));
    }
    let is_open = |request: &&Value| request["Status"] == "PENDING" || request["Status"] == "CASE_OPENED";
    let open: Vec<&Value> = world.quotas.change_requests.iter().filter(is_open).collect();
    let is_same = |request: &&&Value| {
        request["QuotaCode"] == row.code
            && request["QuotaContext"]["ContextId"].as_str().filter(|id| *id != "*") == resource
    };
    if open.iter().any(|request| is_same(&request)) {
        return Err(AwsError::new(
            400,
            "ResourceAlreadyExistsException",
            "Only one open service quota increase request is allowed per quota.",
        ));
    }
    if open.len() >= world.quotas.most_open_requests {
        return Err(AwsError::new(
            400,
            "QuotaExceededException",
            "You have exceeded the number of service quota increase requests that may be open.",
        ));
    }
    let now = world.quotas.now;
    let mut request = json!({
        "Id": uuid("request", row.code, context.nonce).replace('-', ""),
        "RequestType": "NONE",
        "ServiceCode": row.service,
        "ServiceName": service_name(row.service),
        "QuotaCode": row.code,
        "QuotaName": row.name,
        "DesiredValue": desired,
        "Status": "PENDING",
        "Created": now,
        "LastUpdated": now,
        "Requester": json!({ "accountId": world.account_id, "callerArn": world.caller_arn() }).to_string(),
        "QuotaArn": world.arn("servicequotas", &format!("{}/{}", row.service, row.code)),
        "GlobalQuota": false,
        "Unit": row.unit,
        "QuotaRequestedAtLevel": if resource.is_some() { "RESOURCE" } else { "ACCOUNT" },
    });
    if row.service == "connect" && row.scope == Scope::Instance {
        request["QuotaContext"] = json!({
            "ContextScope": "RESOURCE",
            "ContextScopeType": "AWS::Connect::Instance",
            "ContextId": resource.unwrap_or("*"),
        });
    }
    context.world.quotas.change_requests.push(request.clone());
    Ok(json!({ "RequestedQuota": request }))
}

/// A support case for a request that is still pending.
pub(super) fn open_case(context: &mut Context<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.required("RequestId")?.to_owned();
    let case = format!("17{:09}", context.nonce);
    let now = context.world.quotas.now;
    let mut requests = context.world.quotas.change_requests.iter_mut();
    let request = requests
        .find(|request| request["Id"] == id.as_str())
        .ok_or_else(|| no_such("The request failed because the specified request does not exist."))?;
    if request["CaseId"].is_string() {
        let message = "The request already has a support case.";
        return Err(AwsError::new(400, "ResourceAlreadyExistsException", message));
    }
    if request["Status"] != "PENDING" {
        let message = "The request is not pending.";
        return Err(AwsError::new(400, "InvalidResourceStateException", message));
    }
    request["Status"] = json!("CASE_OPENED");
    request["CaseId"] = json!(case);
    request["LastUpdated"] = json!(now);
    Ok(json!({}))
}
