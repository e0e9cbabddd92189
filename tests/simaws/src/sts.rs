//! STS: who is calling.

use crate::text::{civil, form_pairs, xml};
use crate::wire::{Answer, AwsError, Call, Context, respond};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(crate) fn operation(call: &Call) -> Result<String, AwsError> {
    query_action(call, "2011-06-15", &["GetCallerIdentity"])
}

/// The `Action` of a Query request, when the service's version has it.
pub(crate) fn query_action(call: &Call, version: &str, known: &[&str]) -> Result<String, AwsError> {
    let form = query_form(call);
    let get = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(action) = get("Action") else {
        return Err(AwsError::new(400, "MissingAction", "The request must contain the parameter Action."));
    };
    if get("Version") == Some(version) && known.contains(&action) {
        return Ok(action.to_owned());
    }
    let stated = get("Version").unwrap_or_default();
    let message = format!("Could not find operation {action} for version {stated}");
    Err(AwsError::new(400, "InvalidAction", &message))
}

/// The parameters of a Query request, from its query string and its form body.
pub(crate) fn query_form(call: &Call) -> Vec<(String, String)> {
    let mut form = call.query.clone();
    form.extend(form_pairs(&String::from_utf8_lossy(&call.body)));
    form
}

pub(crate) fn answer(context: &Context<'_>) -> Answer {
    let arn = xml(&context.world.caller_arn());
    let account = xml(&context.world.account_id);
    let id = &context.call.request_id;
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    \
         <UserId>AROASIMULATED:monitor</UserId>\n    <Account>{account}</Account>\n  \
         </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{id}</RequestId>\n  \
         </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    );
    Ok(respond(200, "text/xml", body))
}

/// What `AssumeRole` answers.
pub(crate) fn assume_role(role_arn: &str, session: &str, token: &str, seconds: u64) -> http::Response<bytes::Bytes> {
    let user =
        xml(&format!("{}/{session}", role_arn.replacen(":iam:", ":sts:", 1).replacen(":role/", ":assumed-role/", 1)));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let expiration = time(now + seconds);
    let body = format!(
        "<AssumeRoleResponse xmlns=\"{NAMESPACE}\">\n  <AssumeRoleResult>\n    <AssumedRoleUser>\n      \
         <AssumedRoleId>AROASIMULATED:{session}</AssumedRoleId>\n      <Arn>{user}</Arn>\n    </AssumedRoleUser>\n    \
         <Credentials>\n      <AccessKeyId>ASIASIMULATED</AccessKeyId>\n      \
         <SecretAccessKey>simulated</SecretAccessKey>\n      <SessionToken>{token}</SessionToken>\n      \
         <Expiration>{expiration}</Expiration>\n    </Credentials>\n  </AssumeRoleResult>\n  <ResponseMetadata>\n    \
         <RequestId>estate</RequestId>\n  </ResponseMetadata>\n</AssumeRoleResponse>\n"
    );
    respond(200, "text/xml", body)
}

/// RFC 3339 of unix seconds.
fn time(seconds: u64) -> String {
    let (year, month, day, hour, minute, second, _) = civil(i64::try_from(seconds).unwrap_or(i64::MAX));
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
