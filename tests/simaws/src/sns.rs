//! SNS `Publish`: AWS Query XML, with the rules that a message is held to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::ids::uuid;
use crate::sts::{query_action, query_form};
use crate::wire::{Answer, AwsError, Call, Context, respond};

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
const MAX_BYTES: usize = 262_144;
const MAX_SUBJECT: usize = 100;

/// A topic, and what was published to it.
#[derive(Clone, Debug)]
pub struct Topic {
    pub messages: Vec<Published>,
    /// Subscriptions that receive messages.
    pub confirmed: usize,
    /// Subscriptions that wait for somebody to follow the link of their mail.
    pub pending: usize,
}

/// One mail address that is confirmed.
impl Default for Topic {
    fn default() -> Self {
        Self { messages: Vec::new(), confirmed: 1, pending: 0 }
    }
}

/// "More than 10 messages per second" take a mail address off the topic: it has to be confirmed again.
const MOST_MAILS_A_SECOND: usize = 10;

impl Topic {
    /// All subscriptions are mail addresses here.
    fn suspend_if_flooded(&mut self) {
        let Some(last) = self.messages.last().map(|message| message.at) else { return };
        let in_a_second = |message: &&Published| last.saturating_duration_since(message.at) < Duration::from_secs(1);
        if self.messages.iter().rev().take_while(in_a_second).count() > MOST_MAILS_A_SECOND {
            self.pending += std::mem::take(&mut self.confirmed);
        }
    }
}

/// One published message.
#[derive(Clone, Debug)]
pub struct Published {
    pub subject: Option<String>,
    /// As sent.
    pub message: String,
    /// What each protocol delivers, with `MessageStructure=json`; empty without.
    pub per_protocol: BTreeMap<String, String>,
    pub attributes: BTreeMap<String, String>,
    pub at: Instant,
}

impl Published {
    /// What a subscriber of this protocol receives.
    #[must_use]
    pub fn delivered(&self, protocol: &str) -> &str {
        let own = self.per_protocol.get(protocol).or_else(|| self.per_protocol.get("default"));
        own.unwrap_or(&self.message)
    }
}

pub(crate) fn operation(call: &Call) -> Result<String, AwsError> {
    query_action(call, "2010-03-31", &["Publish", "GetTopicAttributes"])
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "InvalidParameter", &format!("Invalid parameter: {message}"))
}

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let form = query_form(context.call);
    let get = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if get("Action") == Some("GetTopicAttributes") {
        return attributes_of_topic(context, get("TopicArn").unwrap_or_default());
    }
    let message = get("Message").unwrap_or_default();
    if message.is_empty() {
        return Err(invalid("Empty message"));
    }
    let subject = get("Subject");
    if let Some(subject) = subject {
        check_subject(subject)?;
    }
    let per_protocol = match get("MessageStructure") {
        None => BTreeMap::new(),
        Some("json") => structured(message)?,
        Some(_) => return Err(invalid("MessageStructure")),
    };
    let attributes = attributes(&form)?;
    let size = message.len() + attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if size > MAX_BYTES {
        return Err(invalid("Message too long"));
    }
    let arn = get("TopicArn")
        .or_else(|| get("TargetArn"))
        .ok_or_else(|| invalid("TopicArn or TargetArn Reason: no value for required parameter"))?;
    if arn.split(':').count() != 6 || !arn.starts_with("arn:") {
        let parts = arn.split(':').count();
        return Err(invalid(&format!("TopicArn Reason: An ARN must have at least 6 elements, not {parts}")));
    }
    let topic = context.world.topics.get_mut(arn);
    let topic = topic.ok_or_else(|| AwsError::new(404, "NotFound", "Topic does not exist"))?;
    topic.messages.push(Published {
        subject: subject.map(str::to_owned),
        message: message.to_owned(),
        per_protocol,
        attributes,
        at: context.at,
    });
    topic.suspend_if_flooded();
    let (id, message_id) = (&context.call.request_id, uuid("message", arn, context.nonce));
    let body = format!(
        "<PublishResponse xmlns=\"{NAMESPACE}\">\n  <PublishResult>\n    <MessageId>{message_id}</MessageId>\n  \
         </PublishResult>\n  <ResponseMetadata>\n    <RequestId>{id}</RequestId>\n  </ResponseMetadata>\n\
         </PublishResponse>\n"
    );
    Ok(respond(200, "text/xml", body))
}

fn attributes_of_topic(context: &Context<'_>, arn: &str) -> Answer {
    let topic = context.world.topics.get(arn);
    let topic = topic.ok_or_else(|| AwsError::new(404, "NotFound", "Topic does not exist"))?;
    let entry = |key: &str, value: &str| {
        format!("      <entry>\n        <key>{key}</key>\n        <value>{value}</value>\n      </entry>\n")
    };
    let entries = [
        entry("TopicArn", arn),
        entry("SubscriptionsConfirmed", &topic.confirmed.to_string()),
        entry("SubscriptionsPending", &topic.pending.to_string()),
        entry("SubscriptionsDeleted", "0"),
    ];
    let body = format!(
        "<GetTopicAttributesResponse xmlns=\"{NAMESPACE}\">\n  <GetTopicAttributesResult>\n    <Attributes>\n{}\
         </Attributes>\n  </GetTopicAttributesResult>\n  <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  \
         </ResponseMetadata>\n</GetTopicAttributesResponse>\n",
        entries.concat(),
        context.call.request_id
    );
    Ok(respond(200, "text/xml", body))
}

/// "Subjects must be ASCII text that begins with a letter, number, or punctuation mark; must not
/// include line breaks or control characters; and must be less than 100 characters long."
fn check_subject(subject: &str) -> Result<(), AwsError> {
    let printable = subject.chars().all(|c| c.is_ascii() && !c.is_ascii_control());
    let begins_well = subject.starts_with(|first: char| first.is_ascii_graphic());
    // The limit is documented as "less than 100", and is 100.
    if printable && begins_well && subject.len() <= MAX_SUBJECT { Ok(()) } else { Err(invalid("Subject")) }
}

fn structured(message: &str) -> Result<BTreeMap<String, String>, AwsError> {
    let Ok(Value::Object(members)) = serde_json::from_str(message) else {
        return Err(invalid("Message Structure - JSON message body failed to parse"));
    };
    let mut texts = BTreeMap::new();
    for (protocol, value) in members {
        // What is not a string is ignored for other protocols, and is no default.
        if let Value::String(text) = value {
            texts.insert(protocol, text);
        }
    }
    if texts.contains_key("default") {
        return Ok(texts);
    }
    Err(invalid("Message Structure - No default entry in JSON message body"))
}

/// The message attributes, by name. Binary ones are kept as they are coded.
fn attributes(form: &[(String, String)]) -> Result<BTreeMap<String, String>, AwsError> {
    let mut entries = BTreeMap::<&str, BTreeMap<&str, &str>>::new();
    for (key, value) in form {
        let entry = key.strip_prefix("MessageAttributes.entry.").and_then(|rest| rest.split_once('.'));
        if let Some((number, part)) = entry {
            entries.entry(number).or_default().insert(part, value);
        }
    }
    let mut attributes = BTreeMap::new();
    for entry in entries.values() {
        let get = |part: &str| entry.get(part).copied().unwrap_or_default();
        let (name, kind) = (get("Name"), get("Value.DataType"));
        let value =
            if get("Value.StringValue").is_empty() { get("Value.BinaryValue") } else { get("Value.StringValue") };
        let refuse = |message: &str| Err(AwsError::new(400, "ParameterValueInvalid", message));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || name.len() > 256 || !name.chars().all(allowed) {
            return refuse("The message attribute name is not valid.");
        }
        let base = kind.split('.').next().unwrap_or_default();
        if !["String", "Number", "Binary"].contains(&base) {
            return refuse(&format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            ));
        }
        if value.is_empty() {
            return refuse(&format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
            ));
        }
        if base == "Number" && value.parse::<f64>().is_err() {
            return refuse(&format!("Could not cast message attribute '{name}' value to number."));
        }
        if attributes.insert(name.to_owned(), value.to_owned()).is_some() {
            return refuse(&format!("Message attribute name '{name}' already exists."));
        }
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_short_plain_ascii() {
        for good in ["Connect Quota Alert - Instance: acme (2 violations)", &"x".repeat(100), "1"] {
            assert!(check_subject(good).is_ok(), "{good}");
        }
        for bad in ["", " leading", "two\nlines", "tab\t", "caf\u{e9}", &"x".repeat(101)] {
            assert!(check_subject(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn structured_messages_need_a_default_text() {
        let texts = structured(r#"{"default":"d","sms":"s","http":7}"#).expect("good");
        assert_eq!(texts.get("sms").map(String::as_str), Some("s"));
        for bad in ["plain", "[]", "{}", r#"{"email":"e"}"#, r#"{"default":{}}"#] {
            assert!(structured(bad).is_err(), "{bad}");
        }
    }
}
