//! The alarms as code, for those who keep theirs in CloudFormation, CDK or Terraform. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::domain::alarm::{Alarm, METRIC_ID, MetricStat, RESULT_ID, Watch};

/// CloudFormation takes this many resources in one template.
const MOST_RESOURCES: usize = 500;

/// A CloudFormation template in JSON, with the topic as a parameter.
///
/// # Errors
/// Where there are more alarms than a template may have.
pub fn cloudformation(alarms: &[Alarm], topic: Option<&str>) -> Result<String, String> {
    if alarms.len() > MOST_RESOURCES {
        return Err(format!(
            "{} alarms are more than the {MOST_RESOURCES} resources of a CloudFormation template: print a part of them, \
             with --kind or --instance",
            alarms.len()
        ));
    }
    let mut ids = Ids::default();
    let resources: Map<String, Value> = alarms
        .iter()
        .map(|alarm| {
            let id = ids.of(alarm, "");
            (id, json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": properties(alarm) }))
        })
        .collect();
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Alarms on Amazon Connect quotas, printed by connect-quota-monitor from a live reading",
        "Parameters": {
            "TopicArn": {
                "Type": "String",
                "Default": topic.unwrap_or_default(),
                "Description": "The SNS topic that alarms go to. Empty for none.",
            },
        },
        "Conditions": { "HasTopic": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "TopicArn" }, ""] }] } },
        "Resources": resources,
    });
    Ok(format!("{template:#}\n"))
}

fn properties(alarm: &Alarm) -> Value {
    let actions = json!({ "Fn::If": ["HasTopic", [{ "Ref": "TopicArn" }], { "Ref": "AWS::NoValue" }] });
    let mut properties = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "ComparisonOperator": alarm.comparison.as_str(),
        "Threshold": alarm.threshold,
        "EvaluationPeriods": alarm.datapoints.of,
        "DatapointsToAlarm": alarm.datapoints.alarm,
        "TreatMissingData": alarm.missing.as_str(),
        "AlarmActions": actions,
        "OKActions": actions,
    });
    match &alarm.watch {
        Watch::Metric(series) => {
            properties["Namespace"] = json!(series.namespace);
            properties["MetricName"] = json!(series.name);
            properties["Dimensions"] = dimensions(series);
            properties["Statistic"] = json!(series.statistic);
            properties["Period"] = json!(series.period);
        }
        Watch::Math { metric, expression, label } => {
            properties["Metrics"] = json!([
                { "Id": RESULT_ID, "Expression": expression, "Label": label, "ReturnData": true },
                {
                    "Id": METRIC_ID,
                    "ReturnData": false,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": metric.namespace,
                            "MetricName": metric.name,
                            "Dimensions": dimensions(metric),
                        },
                        "Period": metric.period,
                        "Stat": metric.statistic,
                    },
                },
            ]);
        }
    }
    properties
}

fn dimensions(series: &MetricStat) -> Value {
    series.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

/// A Terraform configuration for the `aws` provider, with the topic as a variable.
#[must_use]
pub fn terraform(alarms: &[Alarm], topic: Option<&str>) -> String {
    let mut ids = Ids::default();
    let mut out = format!(
        "# Alarms on Amazon Connect quotas, printed by connect-quota-monitor from a live reading.\n\n\
         variable \"topic_arn\" {{\n  description = \"The SNS topic that alarms go to. Empty for none.\"\n  \
         type        = string\n  default     = {}\n}}\n\n\
         locals {{\n  alarm_actions = var.topic_arn == \"\" ? [] : [var.topic_arn]\n}}\n",
        quoted(topic.unwrap_or_default())
    );
    for alarm in alarms {
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "\nresource \"aws_cloudwatch_metric_alarm\" \"{id}\" {{\n  alarm_name          = {name}\n  \
             alarm_description   = {description}\n  comparison_operator = {comparison}\n  \
             threshold           = {threshold}\n  evaluation_periods  = {of}\n  datapoints_to_alarm = {m}\n  \
             treat_missing_data  = {missing}\n  alarm_actions       = local.alarm_actions\n  \
             ok_actions          = local.alarm_actions\n{watch}}}\n",
            id = ids.of(alarm, "_"),
            name = quoted(&alarm.name),
            description = quoted(&alarm.description),
            comparison = quoted(alarm.comparison.as_str()),
            threshold = alarm.threshold,
            of = alarm.datapoints.of,
            m = alarm.datapoints.alarm,
            missing = quoted(alarm.missing.as_str()),
            watch = watch(&alarm.watch),
        );
    }
    out
}

fn watch(watch: &Watch) -> String {
    match watch {
        Watch::Metric(series) => format!("\n{}", lines(series, "statistic", 2)),
        Watch::Math { metric, expression, label } => format!(
            "\n  metric_query {{\n    id          = {}\n    expression  = {}\n    label       = {}\n    \
             return_data = true\n  }}\n\n  metric_query {{\n    id = {}\n\n    metric {{\n{}    }}\n  }}\n",
            quoted(RESULT_ID),
            quoted(expression),
            quoted(label),
            quoted(METRIC_ID),
            lines(metric, "stat", 6)
        ),
    }
}

fn lines(series: &MetricStat, statistic: &str, indent: usize) -> String {
    let blank = " ".repeat(indent);
    let mut dimensions = String::new();
    for (name, value) in &series.dimensions {
        let _ = writeln!(dimensions, "{blank}  {} = {}", quoted(name), quoted(value));
    }
    format!(
        "{blank}namespace   = {}\n{blank}metric_name = {}\n{blank}{statistic:<11} = {}\n{blank}period      = {}\n{blank}\
         dimensions = {{\n{dimensions}{blank}}}\n",
        quoted(&series.namespace),
        quoted(&series.name),
        quoted(&series.statistic),
        series.period
    )
}

/// A string of HCL: what would end it or begin a template in it is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Names of the resources inside the code: from the alarm's name behind prefix and Region, each once.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of(&mut self, alarm: &Alarm, between: &str) -> String {
        let tail = alarm.name.splitn(3, '/').nth(2).unwrap_or(&alarm.name);
        let words = tail.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let upper = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        let id = words.map(upper).collect::<Vec<_>>().join(between);
        let mut unique = id.clone();
        let mut number = 2;
        while !self.0.insert(unique.to_ascii_lowercase()) {
            unique = format!("{id}{between}{number}");
            number += 1;
        }
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::{Comparison, Datapoints, MissingData};

    fn alarm(name: &str) -> Alarm {
        let series = MetricStat {
            namespace: "AWS/Usage".to_owned(),
            name: "CallCount".to_owned(),
            dimensions: [("Resource".to_owned(), "ListUsers".to_owned())].into(),
            statistic: "Sum".to_owned(),
            period: 60,
        };
        Alarm {
            name: name.to_owned(),
            description: "${a} %{b} \"c\" \\ $5 100%".to_owned(),
            watch: Watch::Math { metric: series, expression: "m1/(2*60)*100".to_owned(), label: "l".to_owned() },
            comparison: Comparison::AtOrAbove,
            threshold: 80.0,
            datapoints: Datapoints { alarm: 2, of: 3 },
            missing: MissingData::NotBreaching,
            actions: Vec::new(),
        }
    }

    #[test]
    fn a_string_of_hcl_holds_no_template() {
        assert_eq!(quoted("${a} %{b} \"c\" \\ $5 100%"), r#""$${a} %%{b} \"c\" \\ $5 100%""#);
        assert_eq!(quoted("a\nb\u{1}"), r#""a\nb\u0001""#);
    }

    #[test]
    fn resources_have_names_of_their_own() {
        let alarms = [alarm("p/r/connect/a-b"), alarm("p/r/connect/aB"), alarm("p/r/connect/a/b")];
        let template: Value = serde_json::from_str(&cloudformation(&alarms, Some("arn:t")).unwrap()).unwrap();
        let ids: Vec<&String> = template["Resources"].as_object().unwrap().keys().collect();
        assert_eq!(ids, ["ConnectAB", "ConnectAB2", "ConnectAB3"]);
        assert_eq!(template["Parameters"]["TopicArn"]["Default"], "arn:t");
        let hcl = terraform(&alarms, None);
        for id in ["\"Connect_A_B\"", "\"Connect_AB\"", "\"Connect_A_B_2\""] {
            assert!(hcl.contains(id), "{id} is missing in {hcl}");
        }
    }

    #[test]
    fn a_template_has_no_more_resources_than_cloudformation_takes() {
        let alarms: Vec<Alarm> = (0..501).map(|n| alarm(&format!("p/r/connect/Op{n}"))).collect();
        assert!(cloudformation(&alarms[..500], None).is_ok());
        assert!(cloudformation(&alarms, None).unwrap_err().contains("501 alarms"));
    }
}
