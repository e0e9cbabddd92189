//! STS: who is calling.

use crate::text::{form_pairs, xml};
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
