//! Who made a call, as people know it.

use serde_json::Value;

use super::clean::clean;

/// The group that is counted, and the session within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub group: String,
    pub session: Option<String>,
}

/// What a session of a Lambda function is called: the function's name.
fn is_function(session: &str) -> bool {
    (1..=64).contains(&session.len()) && session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A session that is an address loses the part that names a person.
pub(super) fn masked(session: &str) -> String {
    session.rsplit_once('@').map_or_else(|| clean(session, 64), |(_, domain)| clean(&format!("***@{domain}"), 64))
}

/// `identity`: CloudTrail's `userIdentity`, or null. `agent`: the record's `userAgent`.
pub(super) fn caller(identity: &Value, agent: &str, own_role: Option<&str>) -> Caller {
    let text = |pointer: &str| identity.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let of = |group: String| Caller { group: clean(&group, 160), session: None };
    let service = text("/invokedBy").filter(|by| by.ends_with(".amazonaws.com"));
    let arn = text("/arn").unwrap_or_default();
    match text("/type").unwrap_or_default() {
        "IAMUser" => {
            let name = text("/userName").or_else(|| arn.rsplit('/').next()).unwrap_or("without a name");
            let on_behalf = service.map(|by| format!(" through {by}")).unwrap_or_default();
            of(format!("IAM user {}{on_behalf}", masked(name)))
        }
        "AssumedRole" => {
            let from_arn = arn.split('/').nth(1);
            let role = text("/sessionContext/sessionIssuer/userName").or(from_arn).unwrap_or("without a name");
            let session = arn.split_once('/').and_then(|(_, rest)| rest.split_once('/')).map(|(_, session)| session);
            let is_lambda = agent.contains("exec-env/AWS_Lambda");
            let group = if own_role == Some(role) {
                "the monitor itself".to_owned()
            } else if role.starts_with("AWSServiceRoleForAmazonConnectSynchronization") {
                "the synchronisation of Global Resiliency".to_owned()
            } else if role.starts_with("AWSServiceRoleForAmazonConnect") {
                "the Connect admin website".to_owned()
            } else if let Some(set) = role.strip_prefix("AWSReservedSSO_") {
                format!("IAM Identity Center, permission set {}", set.rsplit_once('_').map_or(set, |(set, _)| set))
            } else if let (true, Some(function)) = (is_lambda, session.filter(|session| is_function(session))) {
                format!("Lambda function {function}")
            } else {
                format!("role {role}")
            };
            Caller { group: clean(&group, 160), session: session.map(masked) }
        }
        "Root" => of("the root user of the account".to_owned()),
        "AWSService" => of(format!("AWS service {}", service.unwrap_or("without a name"))),
        "AWSAccount" => of(format!("account {}", text("/accountId").unwrap_or("without a number"))),
        "" => of("a caller that was not recorded".to_owned()),
        other => of(format!("{other} {}", masked(arn.rsplit('/').next().unwrap_or_default()).trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn role(name: &str, session: &str) -> Value {
        json!({ "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{session}"),
                "sessionContext": { "sessionIssuer": { "type": "Role", "userName": name } } })
    }

    #[test]
    fn callers_have_the_names_that_people_know() {
        let lambda = "aws-sdk-js/3.632.0 lang/js exec-env/AWS_Lambda_nodejs20.x";
        for (identity, agent, group, session) in [
            (role("crm-role", "crm-sync"), lambda, "Lambda function crm-sync", Some("crm-sync")),
            // A program within a function took another role, under a name of its own.
            (role("crm-role", "jane@example.com"), lambda, "role crm-role", Some("***@example.com")),
            (role("crm-role", "call 7.3"), lambda, "role crm-role", Some("call 7.3")),
            (role("crm-role", "i-0abc"), "Boto3/1", "role crm-role", Some("i-0abc")),
            (role("own", "monitor"), lambda, "the monitor itself", Some("monitor")),
            (
                role("AWSReservedSSO_Admin_0123abcd", "jane.doe@example.com"),
                "console",
                "IAM Identity Center, permission set Admin",
                Some("***@example.com"),
            ),
            (role("AWSServiceRoleForAmazonConnect_abc", "u"), "", "the Connect admin website", Some("u")),
            (
                role("AWSServiceRoleForAmazonConnectSynchronization_abc", "ResourceSynchronization"),
                "",
                "the synchronisation of Global Resiliency",
                Some("ResourceSynchronization"),
            ),
            (json!({ "type": "IAMUser", "userName": "Alice" }), "", "IAM user Alice", None),
            (json!({ "type": "Root" }), "", "the root user of the account", None),
            (json!({ "type": "AWSAccount", "accountId": "444455556666" }), "", "account 444455556666", None),
            (Value::Null, "", "a caller that was not recorded", None),
            (json!({ "type": 7, "arn": [] }), "", "a caller that was not recorded", None),
        ] {
            let found = caller(&identity, agent, Some("own"));
            assert_eq!((found.group.as_str(), found.session.as_deref()), (group, session), "{identity}");
        }
    }
}
