//! What holds of every input, however odd. The property tests and the fuzz targets make the same claims.

use std::collections::HashMap;

use connect_quota_monitor::catalogue;
use connect_quota_monitor::config::overrides::Overrides;
use connect_quota_monitor::config::{Config, VARS};
use connect_quota_monitor::domain::Instance;
use connect_quota_monitor::domain::request::Request;
use jiff::Timestamp;
use serde_json::Value;

/// An invocation's payload: what is accepted was there, and what is refused is named.
pub fn payload(bytes: &[u8]) {
    // What is no JSON becomes a text before the handler sees it.
    let value: Value = serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String("no JSON".to_owned()));
    match Request::from_payload(&value) {
        Ok(request) => {
            let flag = |name: &str| value[name].as_bool().unwrap_or(false);
            let is_event = value.get("detail-type").is_some() && value.get("source").is_some();
            assert!(is_event || request.dry_run == flag("dry_run"), "{value}");
            assert!(is_event || request.test_alert == flag("test_alert"), "{value}");
            assert!(is_event || request.remove_api_alarms == flag("remove_api_alarms"), "{value}");
            assert!(is_event || request.threshold_percentage == value["threshold_percentage"].as_f64(), "{value}");
            assert!(request.threshold_percentage.is_none_or(|p| (1.0..=100.0).contains(&p)), "{value}");
            assert!(request.instance_ids.iter().all(|id| value["instance_ids"].to_string().contains(id)), "{value}");
        }
        Err(error) => {
            let names = value.as_object().map(|fields| fields.keys().collect::<Vec<_>>()).unwrap_or_default();
            let message = error.to_string();
            assert!(
                names.iter().any(|name| message.contains(name.as_str())) || message.starts_with("the payload is "),
                "`{message}` names nothing of {value}"
            );
        }
    }
}

/// The environment: numbers stay in their ranges, and each problem names a variable that is set, or
/// that another one needs.
pub fn environment(variables: &HashMap<String, String>) {
    match Config::from_lookup(|name| variables.get(name).cloned()) {
        Ok(config) => {
            let (warning, critical) = (config.thresholds.warning, config.thresholds.critical);
            assert!((1.0..=100.0).contains(&warning) && (warning..=100.0).contains(&critical), "{variables:?}");
            assert!((1..=100).contains(&config.rate_share), "{variables:?}");
            assert!(config.lookback_minutes > 0 && config.retention_days > 0, "{variables:?}");
            let is_on = |name: &str| variables.get(name).is_some_and(|v| v.eq_ignore_ascii_case("true"));
            assert!(!is_on("USE_DYNAMODB") || config.dynamodb_table.is_some(), "{variables:?}");
            assert!(!is_on("USE_S3_STORAGE") || config.s3_bucket.is_some(), "{variables:?}");
        }
        Err(error) => {
            for problem in &error.0 {
                let named = VARS.iter().find(|(name, _)| problem.contains(name));
                assert!(named.is_some(), "`{problem}` names no variable");
            }
        }
    }
}

/// `QUOTA_OVERRIDES`: what is accepted can be applied to every quota, within the ranges that the
/// README gives; what is refused says where.
pub fn overrides(text: &str) {
    let now = Timestamp::UNIX_EPOCH;
    match Overrides::parse(text) {
        Ok(overrides) => {
            let instance = Instance {
                id: "12345678-1234-1234-1234-123456789012".to_owned(),
                arn: "arn:aws:connect:us-east-1:111122223333:instance/12345678-1234-1234-1234-123456789012".to_owned(),
                alias: Some("acme-support".to_owned()),
                status: "ACTIVE".to_owned(),
            };
            for quota in catalogue::all().step_by(7) {
                for instance in [Some(&instance), None] {
                    let effective = overrides.effective(&quota.id(), instance, now);
                    for percent in [effective.threshold, effective.critical].into_iter().flatten() {
                        assert!((1.0..=100.0).contains(&percent), "{percent} of {text}");
                    }
                    assert!(effective.limit.is_none_or(|limit| limit.is_finite() && limit >= 0.0), "{text}");
                    assert!(effective.mute.is_none_or(|mute| !mute.reason.trim().is_empty()), "{text}");
                }
            }
            assert!(overrides.warnings(now).iter().all(|warning| !warning.is_empty()));
        }
        Err(problems) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| problem.len() > 10), "{problems:?}");
        }
    }
}
