//! What an event is: a record of CloudTrail, an event of Genesys Cloud, or something that nobody knows.

use jiff::Timestamp;
use serde_json::Value;

use super::clean::clean;
use super::genesys;
use super::record::Record;
use super::table::{WATCHES, Watch};
use crate::config::watch::Watches;

/// Where requests of the family come from, as CloudTrail writes it.
const FAMILY: &[&str] =
    &["connect", "cases", "profile", "qconnect", "wisdom", "connect-campaigns", "app-integrations", "contact-lens"];

/// One event that a watch counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub watch: &'static Watch,
    /// Counts once.
    pub id: u64,
    pub account_id: String,
    pub region: String,
    /// Second of the Unix epoch.
    pub at: i64,
    /// Where the call went: `connect`, `cases` ...; empty of Genesys Cloud.
    pub service: String,
    /// The API's operation; what happened, of Genesys Cloud.
    pub operation: String,
    pub caller: String,
    pub session: Option<String>,
    pub address: Option<String>,
    pub agent: Option<String>,
    pub instance: Option<String>,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    Seen(Box<Seen>),
    /// An event that no watch knows, by its source and what names it.
    Unknown(String),
    /// No event: why not.
    Poison(String),
}

/// Reads one event of EventBridge in its original form. `own_role` is the name of the monitor's role.
#[must_use]
pub fn read(body: &str, settings: &Watches, own_role: Option<&str>) -> Read {
    let event: Value = match serde_json::from_str(body) {
        Ok(event) => event,
        Err(why) => return Read::Poison(format!("no JSON: {why}")),
    };
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(source), Some(kind), Some(detail)) =
        (text("/source"), text("/detail-type"), event.get("detail").filter(|detail| detail.is_object()))
    else {
        return Read::Poison("no event of EventBridge: it lacks one of source, detail-type and detail".to_owned());
    };
    let Some(id) = text("/detail/eventID").or_else(|| text("/id")) else {
        return Read::Poison("an event without detail.eventID and id, which could not be counted once".to_owned());
    };
    let account = text("/detail/recipientAccountId").or_else(|| text("/account"));
    let region = text("/detail/awsRegion").or_else(|| text("/region"));
    let (Some(account), Some(region)) = (account, region) else {
        return Read::Poison("an event without account or region".to_owned());
    };
    let time = text("/detail/eventTime").or_else(|| text("/time"));
    let Some(at) = time.and_then(|time| time.parse::<Timestamp>().ok()) else {
        return Read::Poison("an event without a time that can be read".to_owned());
    };
    let mut seen = Seen {
        watch: &WATCHES[0],
        id: fingerprint(id),
        account_id: clean(account, 12),
        region: clean(region, 32),
        at: at.as_second(),
        service: String::new(),
        operation: String::new(),
        caller: String::new(),
        session: None,
        address: None,
        agent: None,
        instance: None,
    };
    if source.starts_with(genesys::SOURCE) {
        let Some((watch, what, client)) = genesys::recognise(source, kind, detail, settings) else {
            return Read::Unknown(format!("{} {}", clean(source, 120), genesys::name(kind, detail)));
        };
        (seen.watch, seen.operation, seen.caller) = (watch, what, client);
        return Read::Seen(Box::new(seen));
    }
    let code = text("/detail/errorCode").unwrap_or_default();
    let service = text("/detail/eventSource").and_then(|source| source.split('.').next()).unwrap_or_default();
    let unknown = || Read::Unknown(clean(&format!("{source} {kind} {service} {code}"), 200));
    let Some(watch) = Watch::of_code(code).filter(|_| FAMILY.contains(&service)) else { return unknown() };
    let Some(record) = Record::of(detail, own_role) else {
        return Read::Poison("a record of CloudTrail without eventID, eventTime or eventName".to_owned());
    };
    seen.watch = watch;
    seen.service = record.service;
    seen.operation = record.operation;
    seen.caller = record.caller;
    seen.session = record.session;
    seen.address = record.address;
    seen.agent = record.agent;
    seen.instance = record.instance;
    Read::Seen(Box::new(seen))
}

/// FNV-1a over 64 bits.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
