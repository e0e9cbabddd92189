//! Service Quotas: AWS JSON 1.1.

use serde_json::{Value, json};

use crate::paging;
use crate::quotas::{Place, Row, Scope};
use crate::wire::{Answer, AwsError, Context, respond};
use crate::world::World;

mod requests;

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let input = Input(context.call.json()?);
    let body = match context.operation {
        "ListServiceQuotas" => list_applied(context, &input)?,
        "ListAWSDefaultServiceQuotas" => list_defaults(context, &input)?,
        "GetServiceQuota" => get_applied(context.world, &input)?,
        "GetAWSDefaultServiceQuota" => {
            let row = input.row(context.world)?;
            let value = context.world.quotas.default_value(row);
            json!({ "Quota": quota(context.world, row, value, None) })
        }
        "ListRequestedServiceQuotaChangeHistory" => requests::list(context, &input)?,
        "RequestServiceQuotaIncrease" => requests::ask(context, &input)?,
        "CreateSupportCase" => requests::open_case(context, &input)?,
        _ => return Err(AwsError::new(400, "UnknownOperationException", "")),
    };
    Ok(respond(200, "application/x-amz-json-1.1", body.to_string()))
}

fn illegal(message: &str) -> AwsError {
    AwsError::new(400, "IllegalArgumentException", message)
}

fn no_such(message: &str) -> AwsError {
    AwsError::new(400, "NoSuchResourceException", message)
}

struct Input(Value);

impl Input {
    fn text(&self, name: &str) -> Result<Option<&str>, AwsError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(AwsError::new(400, "SerializationException", "STRING_VALUE was expected.")),
        }
    }

    fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| {
            let (first, rest) = name.split_at(1);
            illegal(&format!(
                "1 validation error detected: Value null at '{}{rest}' failed to satisfy constraint: Member \
                 must not be null",
                first.to_ascii_lowercase()
            ))
        })
    }

    /// The service asked about, which must be one that has quotas.
    fn service(&self, world: &World) -> Result<&str, AwsError> {
        let service = self.required("ServiceCode")?;
        if world.not_offered.contains(service) || world.quotas.rows(service).next().is_none() {
            return Err(no_such("The request failed because the specified service does not exist."));
        }
        Ok(service)
    }

    fn row(&self, world: &World) -> Result<&'static Row, AwsError> {
        let service = self.service(world)?;
        let code = self.required("QuotaCode")?;
        world
            .quotas
            .rows(service)
            .find(|row| row.code == code)
            .ok_or_else(|| no_such("The request failed because the specified service quota does not exist."))
    }
}

/// A quota as AWS shows it: by default, or as applied at a level and context.
fn quota(world: &World, row: &Row, value: f64, applied: Option<(&str, Option<&str>)>) -> Value {
    let arn = match applied {
        // The definition belongs to AWS, an applied value to the account.
        None => format!("arn:{}:servicequotas:{}::{}/{}", world.partition, world.region, row.service, row.code),
        Some(_) => world.arn("servicequotas", &format!("{}/{}", row.service, row.code)),
    };
    let mut body = json!({
        "ServiceCode": row.service,
        "ServiceName": service_name(row.service),
        "QuotaArn": arn,
        "QuotaCode": row.code,
        "QuotaName": row.name,
        "Unit": row.unit,
        "Adjustable": row.adjustable,
        "GlobalQuota": false,
    });
    let place = match applied {
        None => Place::Default,
        Some((_, None)) => Place::Account,
        Some((_, Some(context))) => Place::Context(context.to_owned()),
    };
    match world.quotas.error(row.code, &place) {
        Some(code) => {
            body["ErrorReason"] =
                json!({ "ErrorCode": code, "ErrorMessage": "The value of this quota could not be read." });
        }
        None => body["Value"] = value.into(),
    }
    if let Some((resource, service)) = world.quotas.usage(row) {
        let (name, statistic) = world.quotas.usage_metric(row.code);
        body["UsageMetric"] = json!({
            "MetricNamespace": "AWS/Usage",
            "MetricName": name,
            "MetricDimensions": { "Class": "None", "Resource": resource, "Service": service, "Type": "API" },
        });
        if !statistic.is_empty() {
            body["UsageMetric"]["MetricStatisticRecommendation"] = statistic.into();
        }
        if let Some((number, unit)) = world.quotas.period(row.code, &place) {
            body["Period"] = json!({ "PeriodValue": number, "PeriodUnit": unit });
        }
    }
    let (level, scope_id) = applied.unwrap_or(("ACCOUNT", None));
    body["QuotaAppliedAtLevel"] = level.into();
    if row.service == "connect" && row.scope == Scope::Instance {
        body["QuotaContext"] = json!({
            "ContextScope": "RESOURCE",
            "ContextScopeType": "AWS::Connect::Instance",
            "ContextId": scope_id.unwrap_or("*"),
        });
    }
    body
}

fn service_name(code: &str) -> &'static str {
    match code {
        "connect" => "Amazon Connect",
        "cases" => "Amazon Connect Cases",
        "profile" => "Amazon Connect Customer Profiles",
        "wisdom" => "Amazon Q in Connect",
        "app-integrations" => "Amazon AppIntegrations",
        _ => "Amazon Connect Outbound Campaigns",
    }
}

fn list_applied(context: &Context<'_>, input: &Input) -> Result<Value, AwsError> {
    let world = &*context.world;
    let service = input.service(world)?;
    let code = input.text("QuotaCode")?;
    let level = input.text("QuotaAppliedAtLevel")?.unwrap_or("ACCOUNT");
    let (account, resource) = match level {
        "ACCOUNT" => (true, false),
        "RESOURCE" => (false, true),
        "ALL" => (true, true),
        _ => return Err(illegal("QuotaAppliedAtLevel must be one of: ACCOUNT, RESOURCE, ALL")),
    };
    let mut list = Vec::new();
    for row in world.quotas.rows(service).filter(|row| code.is_none_or(|code| code == row.code)) {
        if account && let Some(value) = world.quotas.account_value(row) {
            list.push(quota(world, row, value, Some(("ACCOUNT", None))));
        }
        if resource {
            for (id, value) in world.quotas.context_values(row).filter(|(id, _)| world.quotas.is_listed(id)) {
                list.push(quota(world, row, value, Some(("RESOURCE", Some(id)))));
            }
        }
    }
    let binding = format!("ListServiceQuotas {service} {code:?} {level}");
    page(context, input, &binding, &list, "Quotas")
}

fn list_defaults(context: &Context<'_>, input: &Input) -> Result<Value, AwsError> {
    let world = &*context.world;
    let service = input.service(world)?;
    let show = |row| quota(world, row, world.quotas.default_value(row), None);
    let list: Vec<Value> = world.quotas.rows(service).map(show).collect();
    page(context, input, &format!("ListAWSDefaultServiceQuotas {service}"), &list, "Quotas")
}

fn get_applied(world: &World, input: &Input) -> Result<Value, AwsError> {
    let row = input.row(world)?;
    let found = match input.text("ContextId")? {
        None => {
            let value = world
                .quotas
                .account_value(row)
                .ok_or_else(|| no_such("The request failed because the specified service quota does not exist."))?;
            quota(world, row, value, Some(("ACCOUNT", None)))
        }
        Some(id) => {
            let value = world.quotas.context_values(row).find(|(context, _)| *context == id);
            let (_, value) = value.ok_or_else(|| {
                no_such("The request failed because applied value for the specified context Id do not exist.")
            })?;
            quota(world, row, value, Some(("RESOURCE", Some(id))))
        }
    };
    Ok(json!({ "Quota": found }))
}

fn page(context: &Context<'_>, input: &Input, binding: &str, list: &[Value], member: &str) -> Result<Value, AwsError> {
    let limit = match input.0.get("MaxResults") {
        None | Some(Value::Null) => 100,
        Some(value) => {
            let number = value
                .as_i64()
                .ok_or_else(|| AwsError::new(400, "SerializationException", "NUMBER_VALUE was expected."))?;
            u64::try_from(number).ok().filter(|number| (1..=100).contains(number)).ok_or_else(|| {
                let bound = if number < 1 { "greater than or equal to 1" } else { "less than or equal to 100" };
                illegal(&format!(
                    "1 validation error detected: Value '{number}' at 'maxResults' failed to satisfy \
                     constraint: Member must have value {bound}"
                ))
            })?
        }
    };
    let listing = paging::Listing {
        binding,
        token: input.text("NextToken")?,
        limit,
        total: list.len() as u64,
        quirk: context.quirk,
        short: context.world.short_pages,
        nonce: context.nonce,
    };
    let page = listing.page(|_| true).map_err(|_| {
        AwsError::new(400, "InvalidPaginationTokenException", "The provided pagination token is not valid.")
    })?;
    let at = |index: &u64| list.get(usize::try_from(*index).ok()?);
    let items: Vec<&Value> = page.indexes.iter().filter_map(at).collect();
    let mut body = json!({ member: items });
    if let Some(next) = page.next {
        body["NextToken"] = next.into();
    }
    Ok(body)
}
