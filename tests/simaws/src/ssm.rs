//! Systems Manager `GetParameter`: AWS JSON 1.1.

use serde_json::{Value, json};

use crate::text::{base64, unix_now};
use crate::wire::{Answer, AwsError, Context, respond};

/// A parameter of Parameter Store.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub value: String,
    /// `SecureString` instead of `String`.
    pub is_secure: bool,
}

pub(crate) fn answer(context: &Context<'_>) -> Answer {
    if context.operation != "GetParameter" {
        return Err(AwsError::new(400, "UnknownOperationException", ""));
    }
    let input = context.call.json()?;
    let asked = input["Name"].as_str().unwrap_or_default();
    if asked.is_empty() || asked.len() > 2048 {
        let (value, side) = if asked.is_empty() {
            ("null", "greater than or equal to 1")
        } else {
            (asked, "less than or equal to 2048")
        };
        return Err(AwsError::new(
            400,
            "ValidationException",
            &format!(
                "1 validation error detected: Value '{value}' at 'name' failed to satisfy constraint: Member must have length {side}"
            ),
        ));
    }
    let world = &context.world;
    // An ARN is taken in place of the name; its resource has one slash, whether or not the name has.
    let name = match asked.strip_prefix(&world.arn("ssm", "parameter/")) {
        Some(rest) if world.parameters.contains_key(rest) => rest.to_owned(),
        Some(rest) => format!("/{rest}"),
        None => asked.to_owned(),
    };
    let (name, version) = match name.rsplit_once(':') {
        Some((name, selector)) => (name.to_owned(), Some(selector.to_owned())),
        None => (name, None),
    };
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) {
        let message = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can \
                       consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, \
                       numbers and the following 3 symbols .-_";
        return Err(AwsError::new(400, "ValidationException", message));
    }
    let parameter = world.parameters.get(&name).ok_or_else(|| AwsError::new(400, "ParameterNotFound", ""))?;
    if version.is_some_and(|v| v != "1") {
        return Err(AwsError::new(400, "ParameterVersionNotFound", ""));
    }
    let is_open = !parameter.is_secure || input["WithDecryption"] == Value::Bool(true);
    let value = if is_open { parameter.value.clone() } else { base64(parameter.value.as_bytes()) };
    let body = json!({ "Parameter": {
        "ARN": world.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
        "DataType": "text",
        "LastModifiedDate": unix_now(),
        "Name": name,
        "Type": if parameter.is_secure { "SecureString" } else { "String" },
        "Value": value,
        "Version": 1,
    }});
    Ok(respond(200, "application/x-amz-json-1.1", body.to_string()))
}
