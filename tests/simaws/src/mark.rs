//! A marker in every text of an answer that is somebody's own words.

use serde_json::Value;

/// Ends of the names of members whose text is an id, an enumeration or a moment; and names, which are
/// marked where they are made, if nobody needs to read them.
const NOT_FREE: &[&str] = &[
    "id",
    "ids",
    "arn",
    "arns",
    "name",
    "title",
    "token",
    "type",
    "status",
    "state",
    "region",
    "time",
    "timestamp",
    "at",
    "uri",
    "url",
    "version",
    "key",
    "code",
    "source",
    "origin",
    "language",
    "languagecode",
    "channel",
    "operator",
    "alias",
];

pub(crate) fn plant(value: &mut Value, marker: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let lower = name.to_lowercase();
                match member {
                    Value::String(text) if !NOT_FREE.iter().any(|end| lower.ends_with(end)) => {
                        if !text.contains(marker) {
                            text.push_str(marker);
                        }
                    }
                    other => plant(other, marker),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, marker)),
        _ => {}
    }
}
