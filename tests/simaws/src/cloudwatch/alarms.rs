//! Metric alarms: kept as `DescribeAlarms` shows them, and held to the rules of `PutMetricAlarm`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{invalid, is_id, page, parameter, with_token};
use crate::metrics::Dimensions;
use crate::text::unix_now;
use crate::wire::{AwsError, Context};
use crate::world::World;

const MAX_METRICS: usize = 20;
const MAX_ACTIONS: usize = 5;
const MAX_TAGS: usize = 50;
const MOST_DELETED: usize = 100;
const DAY: i64 = 86_400;

/// A metric alarm and its tags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alarm {
    /// The members of `MetricAlarm`, as `DescribeAlarms` answers with them.
    pub fields: Map<String, Value>,
    pub tags: BTreeMap<String, String>,
}

impl World {
    /// Adds an alarm that somebody else made: on a metric of their own, with these tags.
    pub fn add_alarm(&mut self, name: &str, tags: &[(&str, &str)]) {
        let input = json!({
            "AlarmName": name, "Namespace": "Custom", "MetricName": "Theirs", "Statistic": "Average", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
        });
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let fields = described(self, name, &input);
        self.alarms.insert(name.to_owned(), Alarm { fields, tags });
    }
}

pub(super) fn answer(context: &mut Context<'_>, input: &Value) -> Result<Value, AwsError> {
    match context.operation {
        "DescribeAlarms" => describe(context, input),
        "PutMetricAlarm" => put(context.world, input),
        "DeleteAlarms" => delete(context.world, input),
        "TagResource" => {
            let tags = tags(input)?;
            let alarm = by_arn(context.world, input)?;
            alarm.tags.extend(tags);
            if alarm.tags.len() > MAX_TAGS { Err(parameter("A resource has at most 50 tags.")) } else { Ok(json!({})) }
        }
        _ => {
            let tags =
                by_arn(context.world, input)?.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
            Ok(json!({ "Tags": tags.collect::<Vec<_>>() }))
        }
    }
}

/// Dimensions as a list, in the order of their names.
pub(super) fn dimensions(dimensions: &Dimensions) -> Value {
    dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn has(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(|member| !member.is_null() && member.as_array().is_none_or(|list| !list.is_empty()))
}

fn describe(context: &Context<'_>, input: &Value) -> Result<Value, AwsError> {
    let records = match input.get("MaxRecords").filter(|max| !max.is_null()) {
        None => 100,
        Some(max) => max
            .as_u64()
            .filter(|max| (1..=100).contains(max))
            .ok_or_else(|| invalid("The parameter MaxRecords must be between 1 and 100."))?,
    };
    let (names, prefix) = (list(input, "AlarmNames"), text(input, "AlarmNamePrefix"));
    if !names.is_empty() && prefix.is_some() {
        return Err(invalid("AlarmNames and AlarmNamePrefix exclude each other."));
    }
    if names.len() > 100 {
        return Err(invalid("The collection AlarmNames must not have a size greater than 100."));
    }
    let kinds = list(input, "AlarmTypes");
    let metric_alarms = kinds.is_empty() || kinds.iter().any(|kind| kind == "MetricAlarm");
    let state = text(input, "StateValue");
    let found = context
        .world
        .alarms
        .iter()
        .filter(|(name, alarm)| {
            metric_alarms
                && (names.is_empty() || names.iter().any(|wanted| wanted == name.as_str()))
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
                && state.is_none_or(|state| alarm.fields.get("StateValue").is_some_and(|held| held == state))
        })
        .map(|(_, alarm)| Value::Object(alarm.fields.clone()))
        .collect();
    let (shown, next) = page(context, input, records, found)?;
    Ok(with_token(json!({ "MetricAlarms": shown, "CompositeAlarms": [] }), next))
}

fn put(world: &mut World, input: &Value) -> Result<Value, AwsError> {
    let name = text(input, "AlarmName").ok_or_else(|| missing("AlarmName"))?.to_owned();
    check(&name, input)?;
    let given = tags(input)?;
    let mut fields = described(world, &name, input);
    let tags = match world.alarms.get(&name) {
        // An update leaves the state as it is, and ignores the tags.
        Some(alarm) => {
            for kept in ["StateValue", "StateReason", "StateUpdatedTimestamp"] {
                fields.extend(alarm.fields.get(kept).map(|value| (kept.to_owned(), value.clone())));
            }
            alarm.tags.clone()
        }
        None => given,
    };
    world.alarms.insert(name, Alarm { fields, tags });
    Ok(json!({}))
}

fn missing(name: &str) -> AwsError {
    AwsError::new(400, "MissingParameter", &format!("The parameter {name} is required."))
}

/// What `PutMetricAlarm` refuses.
fn check(name: &str, input: &Value) -> Result<(), AwsError> {
    if name.chars().count() > 255 || name.chars().any(|c| c.is_ascii_control()) {
        return Err(invalid("The AlarmName must have 1 to 255 characters, and none that controls."));
    }
    if text(input, "AlarmDescription").is_some_and(|text| text.chars().count() > 1024) {
        return Err(invalid("The AlarmDescription must have at most 1024 characters."));
    }
    for actions in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
        let actions = list(input, actions);
        let is_arn = |action: &Value| action.as_str().is_some_and(|arn| arn.starts_with("arn:"));
        if actions.len() > MAX_ACTIONS || !actions.iter().all(is_arn) {
            return Err(invalid("Actions are at most 5, each an ARN."));
        }
    }
    let number = |name: &str| input.get(name).and_then(Value::as_i64);
    let periods = number("EvaluationPeriods").filter(|n| *n >= 1).ok_or_else(|| missing("EvaluationPeriods"))?;
    if has(input, "DatapointsToAlarm") && !number("DatapointsToAlarm").is_some_and(|n| (1..=periods).contains(&n)) {
        return Err(invalid("DatapointsToAlarm must be between 1 and EvaluationPeriods."));
    }
    let operators =
        ["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"];
    if !operators.contains(&text(input, "ComparisonOperator").ok_or_else(|| missing("ComparisonOperator"))?) {
        return Err(invalid("The ComparisonOperator is not one of a static threshold."));
    }
    if !input.get("Threshold").is_some_and(Value::is_number) {
        return Err(missing("Threshold"));
    }
    let missing_data = ["breaching", "notBreaching", "ignore", "missing"];
    if text(input, "TreatMissingData").is_some_and(|treated| !missing_data.contains(&treated)) {
        return Err(invalid("TreatMissingData must be one of [breaching, notBreaching, ignore, missing]."));
    }
    let periods_of_data = match (has(input, "MetricName"), has(input, "Metrics")) {
        (true, false) => vec![single_metric(input)?],
        (false, true) => metric_math(input)?,
        _ => return Err(invalid("An alarm has either a MetricName or Metrics.")),
    };
    for period in periods_of_data {
        if !([10, 20, 30].contains(&period) || (period > 0 && period % 60 == 0)) {
            return Err(invalid(&format!("The period {period} is not 10, 20, 30 or a multiple of 60.")));
        }
        if period * periods > if period >= 3_600 { 7 * DAY } else { DAY } {
            return Err(invalid("Metrics cannot be checked across more than a day (EvaluationPeriods * Period)."));
        }
    }
    Ok(())
}

fn single_metric(input: &Value) -> Result<i64, AwsError> {
    text(input, "Namespace").ok_or_else(|| missing("Namespace"))?;
    if has(input, "Statistic") == has(input, "ExtendedStatistic") {
        return Err(invalid("An alarm on a metric has either a Statistic or an ExtendedStatistic."));
    }
    check_dimensions(input)?;
    input.get("Period").and_then(Value::as_i64).ok_or_else(|| missing("Period"))
}

fn check_dimensions(metric: &Value) -> Result<(), AwsError> {
    let dimensions = list(metric, "Dimensions");
    let complete = dimensions.iter().all(|d| text(d, "Name").is_some() && text(d, "Value").is_some());
    if dimensions.len() > 30 || !complete {
        Err(invalid("Dimensions are at most 30, each with name and value."))
    } else {
        Ok(())
    }
}

/// The periods of the metrics that the math is over.
fn metric_math(input: &Value) -> Result<Vec<i64>, AwsError> {
    for alone in ["Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"] {
        if has(input, alone) {
            return Err(invalid(&format!("{alone} must not be set beside Metrics.")));
        }
    }
    let metrics = list(input, "Metrics");
    if metrics.len() > MAX_METRICS {
        return Err(invalid("The collection Metrics must not have a size greater than 20."));
    }
    let (mut ids, mut periods, mut returned) = (BTreeSet::new(), Vec::new(), 0);
    for query in metrics {
        let id = text(query, "Id")
            .filter(|id| is_id(id))
            .ok_or_else(|| invalid("An Id begins with a lower-case letter."))?;
        if !ids.insert(id) {
            return Err(invalid("The ids in Metrics are not unique."));
        }
        returned += usize::from(query.get("ReturnData") != Some(&Value::Bool(false)));
        match (query.get("MetricStat").filter(|stat| !stat.is_null()), text(query, "Expression")) {
            (Some(stat), None) => {
                let metric = stat.get("Metric").unwrap_or(&Value::Null);
                for name in ["Namespace", "MetricName"] {
                    text(metric, name).ok_or_else(|| missing(name))?;
                }
                check_dimensions(metric)?;
                text(stat, "Stat").ok_or_else(|| missing("Stat"))?;
                periods.push(stat.get("Period").and_then(Value::as_i64).ok_or_else(|| missing("Period"))?);
            }
            (None, Some(expression)) if expression.len() <= 2048 => {}
            _ => {
                return Err(invalid(
                    "Each of Metrics has either a MetricStat or an Expression of up to 2048 characters.",
                ));
            }
        }
    }
    if returned != 1 {
        return Err(invalid("Exactly one of Metrics must return data."));
    }
    let unknown =
        metrics.iter().filter_map(|query| text(query, "Expression")).flat_map(names).find(|name| !ids.contains(name));
    match unknown {
        Some(name) => Err(invalid(&format!("The expression names {name}, which is no id of the request."))),
        None => Ok(periods),
    }
}

/// The ids that an expression names: words that begin with a lower-case letter, as ids do and
/// functions do not.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression.split(move |c| !is_part(c)).filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// The alarm as `DescribeAlarms` shows it: with what CloudWatch fills in.
fn described(world: &World, name: &str, input: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    let taken = input.as_object().into_iter().flatten().filter(|(name, value)| *name != "Tags" && !value.is_null());
    fields.extend(taken.map(|(name, value)| (name.clone(), value.clone())));
    for empty in ["OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"] {
        fields.entry(empty).or_insert_with(|| json!([]));
    }
    fields.entry("ActionsEnabled").or_insert(Value::Bool(true));
    if let Some(threshold) = input.get("Threshold").and_then(Value::as_f64) {
        fields.insert("Threshold".to_owned(), json!(threshold));
    }
    if let Some(Value::Array(metrics)) = fields.get_mut("Metrics") {
        // Their order is nobody's promise.
        metrics.reverse();
        for query in metrics.iter_mut().filter_map(Value::as_object_mut) {
            query.entry("ReturnData").or_insert(Value::Bool(true));
        }
    }
    let now = unix_now();
    for (name, value) in [
        ("AlarmArn", json!(world.arn("cloudwatch", &format!("alarm:{name}")))),
        ("StateValue", json!("INSUFFICIENT_DATA")),
        ("StateReason", json!("Unchecked: Initial alarm creation")),
        ("StateUpdatedTimestamp", json!(now)),
        ("AlarmConfigurationUpdatedTimestamp", json!(now)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    fields
}

fn delete(world: &mut World, input: &Value) -> Result<Value, AwsError> {
    let names: Vec<&str> = list(input, "AlarmNames").iter().filter_map(Value::as_str).collect();
    if names.is_empty() {
        return Err(missing("AlarmNames"));
    }
    if names.len() > MOST_DELETED {
        return Err(invalid("The collection AlarmNames must not have a size greater than 100."));
    }
    // The names that exist are deleted all the same.
    let unknown: Vec<&str> = names.into_iter().filter(|name| world.alarms.remove(*name).is_none()).collect();
    if unknown.is_empty() {
        return Ok(json!({}));
    }
    Err(AwsError::new(404, "ResourceNotFound", &format!("Alarms do not exist: {}", unknown.join(", "))))
}

fn tags(input: &Value) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for tag in list(input, "Tags") {
        let (key, value) = (text(tag, "Key"), tag.get("Value").and_then(Value::as_str));
        match (key, value) {
            (Some(key), Some(value)) if key.len() <= 128 && value.len() <= 256 && !key.starts_with("aws:") => {
                tags.insert(key.to_owned(), value.to_owned());
            }
            _ => return Err(parameter("A tag has a key of up to 128 characters and a value of up to 256.")),
        }
    }
    if tags.len() > MAX_TAGS { Err(parameter("A resource has at most 50 tags.")) } else { Ok(tags) }
}

fn by_arn<'a>(world: &'a mut World, input: &Value) -> Result<&'a mut Alarm, AwsError> {
    let arn = text(input, "ResourceARN").ok_or_else(|| missing("ResourceARN"))?;
    let prefix = world.arn("cloudwatch", "alarm:");
    let name = arn.strip_prefix(&prefix).ok_or_else(|| parameter("ResourceARN is not the ARN of an alarm."))?;
    let unknown = || AwsError::new(404, "ResourceNotFoundException", "The alarm does not exist.");
    world.alarms.get_mut(name).ok_or_else(unknown)
}
