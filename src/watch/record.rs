//! One call, as CloudTrail recorded it. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::caller::caller;
use super::clean::clean;

/// What is kept of a record of CloudTrail. Of the request's parameters only the instance and the domain are: the
/// others may name people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// CloudTrail's `eventID`; the same wherever the record comes from.
    pub id: String,
    /// Second of the Unix epoch in which the call was completed.
    pub at: i64,
    /// Where the call went, without the domain: `connect` of `connect.amazonaws.com`.
    pub service: String,
    /// The API's operation.
    pub operation: String,
    /// Why it was rejected; none: it was accepted.
    pub error_code: Option<String>,
    /// As people know it: `Lambda function crm-sync`, `role crm`, `IAM user Alice`.
    pub caller: String,
    pub session: Option<String>,
    pub address: Option<String>,
    pub agent: Option<String>,
    /// Id of the Connect instance that the request names.
    pub instance: Option<String>,
    /// Name or id of the domain (Customer Profiles, Cases) that the request names.
    pub domain: Option<String>,
}

impl Record {
    /// Reads the JSON text of a record, as `LookupEvents` has it in `CloudTrailEvent`. `own_role` is the name of
    /// the monitor's role. None where it is no record: it lacks an id, a time or an operation.
    #[must_use]
    pub fn read(text: &str, own_role: Option<&str>) -> Option<Self> {
        Self::of(&serde_json::from_str(text).ok()?, own_role)
    }

    /// The same of the record itself, as EventBridge has it in `detail`.
    pub(super) fn of(record: &Value, own_role: Option<&str>) -> Option<Self> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let agent = text("userAgent").unwrap_or_default();
        let found = caller(&record["userIdentity"], agent, own_role);
        Some(Self {
            id: text("eventID")?.to_owned(),
            at: text("eventTime")?.parse::<Timestamp>().ok()?.as_second(),
            service: clean(text("eventSource").and_then(|s| s.split('.').next()).unwrap_or_default(), 64),
            operation: clean(text("eventName")?, 100),
            error_code: text("errorCode").map(|code| clean(code, 100)),
            caller: found.group,
            session: found.session,
            address: text("sourceIPAddress").map(|address| clean(address, 64)),
            agent: agent.split(' ').next().filter(|agent| !agent.is_empty()).map(|agent| clean(agent, 64)),
            instance: instance(&record["requestParameters"]),
            domain: domain(&record["requestParameters"]),
        })
    }
}

/// Names and texts of a request, of its first two levels.
fn strings(parameters: &Value) -> Vec<(&str, &str)> {
    let Some(fields) = parameters.as_object() else { return Vec::new() };
    let inner = fields.values().filter_map(Value::as_object).flatten();
    fields.iter().chain(inner).filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

/// The id of the instance that a request names.
pub(super) fn instance(parameters: &Value) -> Option<String> {
    let strings = strings(parameters);
    let by_arn = strings.iter().find_map(|(_, value)| {
        // An ARN is short: what is longer is no ARN, and not worth decoding.
        let decoded = decoded(value.get(..512).unwrap_or(value));
        let after = decoded.split_once(":instance/")?.1.get(..36)?.to_owned();
        is_id(&after).then_some(after)
    });
    by_arn.or_else(|| {
        let by_name = strings.iter().find(|(name, value)| name.eq_ignore_ascii_case("instanceId") && is_id(value));
        by_name.map(|(_, value)| (*value).to_owned())
    })
}

fn domain(parameters: &Value) -> Option<String> {
    let is_domain = |name: &str| name.eq_ignore_ascii_case("domainName") || name.eq_ignore_ascii_case("domainId");
    strings(parameters).iter().find(|(name, _)| is_domain(name)).map(|(_, value)| clean(value, 64))
}

/// With `:` and `/` where they are percent-encoded.
fn decoded(text: &str) -> String {
    text.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/")
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "12345678-1234-1234-1234-123456789012";

    #[test]
    fn a_record_is_read_with_what_it_may_lack() {
        let whole = json!({
            "eventID": "e1", "eventTime": "2026-03-02T12:00:00Z", "eventSource": "profile.amazonaws.com",
            "eventName": "CreateProfile", "userAgent": "Boto3/1.2 md/x", "sourceIPAddress": "203.0.113.9",
            "userIdentity": { "type": "IAMUser", "userName": "Alice" },
            "requestParameters": { "DomainName": "crm", "Attributes": { "Phone": "+15550100" } },
        });
        let record = Record::read(&whole.to_string(), None).unwrap();
        assert_eq!(
            (record.at, record.service.as_str(), record.error_code.as_deref()),
            (1_772_452_800, "profile", None)
        );
        assert_eq!((record.caller.as_str(), record.agent.as_deref()), ("IAM user Alice", Some("Boto3/1.2")));
        assert_eq!((record.domain.as_deref(), record.instance.as_deref()), (Some("crm"), None));
        assert!(!format!("{record:?}").contains("5550100"));
        let bare = json!({ "eventID": "e2", "eventTime": "2026-03-02T12:00:00Z", "eventName": "ListUsers",
                           "requestParameters": null, "errorCode": "ThrottlingException" });
        let record = Record::read(&bare.to_string(), None).unwrap();
        assert_eq!((record.service.as_str(), record.error_code.as_deref()), ("", Some("ThrottlingException")));
        assert_eq!(record.caller, "a caller that was not recorded");
        for lacking in ["eventID", "eventTime", "eventName"] {
            let mut record = bare.clone();
            record.as_object_mut().unwrap().remove(lacking);
            assert_eq!(Record::read(&record.to_string(), None), None, "{lacking}");
        }
        assert_eq!(Record::read("{", None), None);
    }

    #[test]
    fn an_instance_is_found_in_every_form() {
        let arn = format!("arn:aws:connect:us-east-1:111122223333:instance/{ID}");
        for parameters in [
            json!({ "InstanceId": ID }),
            json!({ "instanceId": ID }),
            json!({ "InstanceId": arn }),
            json!({ "ResourceArn": format!("{arn}/queue/{ID}") }),
            json!({ "InstanceId": arn.replace(':', "%3A").replace('/', "%2F") }),
            json!({ "InstanceId": arn.replace(':', "%3a").replace('/', "%2f") }),
            json!({ "Filter": { "ResourceArn": arn }, "MaxResults": 5 }),
        ] {
            assert_eq!(instance(&parameters).as_deref(), Some(ID), "{parameters}");
        }
        let long = "é".repeat(100_000);
        for parameters in
            [json!(null), json!([ID]), json!({ "UserId": ID }), json!({ "InstanceId": "x" }), json!({ "t": long })]
        {
            assert_eq!(instance(&parameters), None);
        }
    }
}
