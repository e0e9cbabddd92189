//! Events of Genesys Cloud. Which definitions there are is not documented, so names decide.

use serde_json::Value;

use super::caller::masked;
use super::clean::clean;
use super::table::{RATE_LIMITED, TOKEN_FAILURES, WATCHES, Watch};
use crate::config::watch::Watches;
use crate::domain::glob::Glob;

pub(super) const SOURCE: &str = "aws.partner/genesys.com/";

/// The topic and what names the event, for the log.
pub(super) fn name(kind: &str, detail: &Value) -> String {
    let entity = detail.pointer("/eventBody/eventEntity/name").and_then(Value::as_str).unwrap_or("without a name");
    clean(&format!("{kind}: {entity}"), 200)
}

/// The watch, what happened, and whose it is.
pub(super) fn recognise(
    source: &str,
    kind: &str,
    detail: &Value,
    settings: &Watches,
) -> Option<(&'static Watch, String, String)> {
    let text = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let topic = text("/topicName").unwrap_or(kind);
    let under = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(topic) || glob.matches(kind));
    let names = ["/eventBody/eventEntity/name", "/eventBody/entityName", "/eventBody/errorCode", "/eventBody/message"];
    let said: Vec<&str> = [kind].into_iter().chain(names.into_iter().filter_map(text)).collect();
    let said = said.join(" ").to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let is_rate = has(&["limit", "throttl"]) || said.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| w == "rate");
    let status = |wanted: u64| {
        let places = ["/status", "/statusCode", "/eventBody/status", "/eventBody/statusCode", "/eventBody/errorCode"];
        places.into_iter().filter_map(|place| detail.pointer(place)).any(|value| {
            value.as_u64() == Some(wanted) || value.as_str().is_some_and(|text| text == wanted.to_string())
        })
    };
    let is_token = has(&["token", "auth", "credential", "login"]);
    let is_failure =
        status(401) || has(&["fail", "denied", "invalid", "unauthor"]) || text("/status") == Some("FAILURE");
    let watch = if status(429) || (under(&settings.rate_limit_topics) && is_rate) {
        &WATCHES[RATE_LIMITED]
    } else if under(&settings.token_topics) && (status(401) || (is_token && is_failure)) {
        &WATCHES[TOKEN_FAILURES]
    } else {
        return None;
    };
    let what = text("/eventBody/eventEntity/name").unwrap_or(kind);
    Some((watch, clean(what, 100), whose(source, detail)))
}

/// The client, else the entity, else the organization.
fn whose(source: &str, detail: &Value) -> String {
    let text = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let clients = ["/eventBody/clientId", "/eventBody/clientId/id", "/eventBody/oauthClientId", "/clientId"];
    let client = clients.into_iter().find_map(text);
    let is_client = text("/eventBody/entityType").is_some_and(|kind| kind.to_ascii_lowercase().contains("client"));
    let entity = text("/eventBody/entityId").or_else(|| text("/eventBody/entityName"));
    let whose = match (client, entity) {
        (Some(client), _) => format!("client {}", masked(client)),
        (None, Some(entity)) if is_client => format!("client {}", masked(entity)),
        (None, Some(entity)) => format!("entity {}", masked(entity)),
        (None, None) => format!("organization {}", source.split('/').nth(3).unwrap_or("without an id")),
    };
    clean(&whose, 160)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nobodys_address_stands_in_a_message() {
        let source = "aws.partner/genesys.com/cloud/6a71ac7e/events";
        for (body, expected) in [
            (json!({ "clientId": "crm" }), "client crm"),
            (json!({ "entityId": "jane.doe@example.com" }), "entity ***@example.com"),
            (json!({ "entityName": "jane.doe@example.com", "entityType": "OAuthClient" }), "client ***@example.com"),
            (json!({}), "organization events"),
        ] {
            let expected = expected.replace("organization events", "organization 6a71ac7e");
            assert_eq!(whose(source, &json!({ "eventBody": body })), expected);
        }
    }
}
