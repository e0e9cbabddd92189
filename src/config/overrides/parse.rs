//! From JSON to rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::pattern::QuotaPattern;
use super::rule::{Entry, Mute, MuteSetting, Rule};
use crate::domain::instances::InstancePattern;

/// An object whose keys must differ: of two equal ones serde would keep the last without a word.
#[derive(Debug)]
struct Unique<V>(BTreeMap<String, V>);

impl<V> Default for Unique<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Keys<V> {
            type Value = Unique<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if found.contains_key(&key) {
                        return Err(de::Error::custom(format!("duplicate key `{key}`")));
                    }
                    let value = map.next_value()?;
                    found.insert(key, value);
                }
                Ok(Unique(found))
            }
        }

        deserializer.deserialize_map(Keys(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    threshold_percentage: Option<f64>,
    critical_percentage: Option<f64>,
    limit: Option<f64>,
    mute: Option<RawMute>,
    #[serde(default)]
    instances: Unique<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    threshold_percentage: Option<f64>,
    critical_percentage: Option<f64>,
    limit: Option<f64>,
    mute: Option<RawMute>,
}

enum RawMute {
    Off,
    Until(RawUntil),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUntil {
    reason: String,
    until: String,
}

impl<'de> Deserialize<'de> for RawMute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Setting;

        impl<'de> Visitor<'de> for Setting {
            type Value = RawMute;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `reason` and `until`, or false")
            }

            fn visit_bool<E: de::Error>(self, mutes: bool) -> Result<RawMute, E> {
                if mutes { Err(de::Error::invalid_value(de::Unexpected::Bool(true), &self)) } else { Ok(RawMute::Off) }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawMute, A::Error> {
                RawUntil::deserialize(MapAccessDeserializer::new(map)).map(RawMute::Until)
            }
        }

        deserializer.deserialize_any(Setting)
    }
}

/// Every rule of the text, in no particular order.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let Unique(raw) = serde_json::from_str::<Unique<RawEntry>>(text).map_err(|e| vec![e.to_string()])?;
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    for (key, raw) in raw {
        let quota = match QuotaPattern::new(&key) {
            Ok(quota) => Some(quota),
            Err(why) => {
                problems.push(why);
                None
            }
        };
        let RawEntry { threshold_percentage, critical_percentage, limit, mute, instances } = raw;
        let own = RawRule { threshold_percentage, critical_percentage, limit, mute };
        let mut rules = vec![(None, checked(&key, own, &mut problems))];
        let mut ids = BTreeSet::new();
        for (name, raw) in instances.0 {
            let place = format!("{key} / {name}");
            let pattern = InstancePattern::new(&name);
            if let InstancePattern::Id(id) = &pattern
                && !ids.insert(id.clone())
            {
                problems.push(format!("{place}: this instance stands here twice"));
            }
            rules.push((Some((pattern, name)), checked(&place, raw, &mut problems)));
        }
        let Some(quota) = quota else { continue };
        entries.extend(rules.into_iter().filter(|(_, rule)| *rule != Rule::default()).map(|(instance, rule)| Entry {
            quota: quota.clone(),
            quota_key: key.clone(),
            instance,
            rule,
        }));
    }
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

fn checked(place: &str, raw: RawRule, problems: &mut Vec<String>) -> Rule {
    let (threshold, critical) = (raw.threshold_percentage, raw.critical_percentage);
    for (field, value) in [("threshold_percentage", threshold), ("critical_percentage", critical)] {
        if let Some(value) = value
            && !(value > 0.0 && value <= 100.0)
        {
            problems.push(format!("{place}: {field} is {value}, expected more than 0 and at most 100"));
        }
    }
    if let (Some(threshold), Some(critical)) = (threshold, critical)
        && critical < threshold
    {
        problems.push(format!("{place}: critical_percentage {critical} is below threshold_percentage {threshold}"));
    }
    if let Some(limit) = raw.limit
        && !(limit.is_finite() && limit >= 0.0)
    {
        problems.push(format!("{place}: limit is {limit}, expected a number of at least 0"));
    }
    Rule { threshold, critical, limit: raw.limit, mute: raw.mute.and_then(|raw| mute(place, raw, problems)) }
}

fn mute(place: &str, raw: RawMute, problems: &mut Vec<String>) -> Option<MuteSetting> {
    let raw = match raw {
        RawMute::Off => return Some(MuteSetting::Off),
        RawMute::Until(raw) => raw,
    };
    if raw.reason.trim().is_empty() {
        problems.push(format!("{place}: mute.reason is empty"));
    }
    let end = until(&raw.until);
    if end.is_none() {
        problems.push(format!(
            "{place}: mute.until is `{}`, expected a date such as 2027-03-31, or an RFC 3339 time with its offset such \
             as 2027-03-31T02:00:00Z or 2027-03-31T02:00:00+02:00",
            raw.until
        ));
    }
    end.map(|until| MuteSetting::Until(Mute { reason: raw.reason, until }))
}

/// A date lasts until its end in UTC. The parser of dates takes a time without an offset too and drops the
/// time, so the form is looked at first: nobody means the whole day by `2027-03-31T02:00:00`.
fn until(text: &str) -> Option<Timestamp> {
    if is_shaped(text, "0000-00-00") {
        let day = text.parse::<Date>().ok()?.tomorrow().ok()?;
        return Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    let (date_and_time, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let has_offset = offset.eq_ignore_ascii_case("z") || is_shaped(offset, "+00:00") || is_shaped(offset, "-00:00");
    let is_rfc3339 = has_offset && is_shaped(&date_and_time.to_ascii_uppercase(), "0000-00-00T00:00:00");
    text.parse().ok().filter(|_| is_rfc3339)
}

/// A `0` of the shape stands for any digit, everything else for itself.
fn is_shaped(text: &str, shape: &str) -> bool {
    let fits = |(c, wanted): (char, char)| if wanted == '0' { c.is_ascii_digit() } else { c == wanted };
    text.chars().count() == shape.len() && text.chars().zip(shape.chars()).all(fits)
}
