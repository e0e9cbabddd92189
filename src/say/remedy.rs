//! What a reader can do about a quota: look at it, ask AWS for more, or mute it.

use jiff::SignedDuration;
use serde_json::Value;

use super::digest::Context;
use super::words::plain;
use crate::domain::{LimitSource, Metric, NO_CODE, console, increase};
use crate::judge::increase::context_of;

const MUTE_DAYS: i64 = 30;

/// Longer than any ARN.
const ARGUMENT: usize = 2_000;

/// The quota in the Service Quotas console. None where the quota has no code, or the partition's console
/// is not known: a wrong link is worse than none.
pub(super) fn console_link(context: &Context<'_>, metric: &Metric) -> Option<String> {
    let (service, code) = (plain(&metric.service_code, ARGUMENT), plain(&metric.quota_code, ARGUMENT));
    console::quota(context.account, &service, &code).filter(|_| has_code(metric))
}

/// Why there is no command to ask for more, or the command.
pub(super) enum Increase {
    Command(String),
    /// Calls came too fast, and a higher limit of this quota would not help.
    TooFast,
    /// AWS does not raise the quota.
    Fixed,
    /// Service Quotas does not list it.
    Unlisted,
    /// The limit is the user's own number: what AWS grants is not known here, and a request for less
    /// than that would be refused.
    OwnLimit,
}

impl Increase {
    pub(super) fn of(context: &Context<'_>, metric: &Metric) -> Self {
        if !metric.needs_a_higher_limit() {
            return Self::TooFast;
        }
        if !has_code(metric) {
            return Self::Unlisted;
        }
        if metric.limit_source.as_deref() == Some(LimitSource::Override.as_str()) {
            return Self::OwnLimit;
        }
        if metric.adjustable == Some(false) {
            return Self::Fixed;
        }
        let wanted = increase::Increase {
            service_code: metric.service_code.clone(),
            quota_code: metric.quota_code.clone(),
            desired: increase::desired(metric.limit.unwrap_or(0.0), metric.usage.unwrap_or(0.0)),
            context: context_of(metric, context.instance).map(str::to_owned),
        };
        Self::Command(wanted.command(&context.account.region))
    }

    pub(super) fn command(self) -> Option<String> {
        match self {
            Self::Command(command) => Some(command),
            Self::TooFast | Self::Fixed | Self::Unlisted | Self::OwnLimit => None,
        }
    }
}

/// One line of JSON for `QUOTA_OVERRIDES` that mutes this quota, of this instance only.
pub(super) fn mute(context: &Context<'_>, metric: &Metric) -> String {
    let until = context.now.checked_add(SignedDuration::from_hours(24 * MUTE_DAYS)).unwrap_or(context.now);
    let until = until.strftime("%Y-%m-%d");
    let rule = format!(r#"{{"mute": {{"reason": "...", "until": "{until}"}}}}"#);
    let key = json_string(metric.key());
    match context.instance {
        Some(instance) => format!(r#"{{{key}: {{"instances": {{{}: {rule}}}}}}}"#, json_string(&instance.id)),
        None => format!("{{{key}: {rule}}}"),
    }
}

pub(super) fn has_code(metric: &Metric) -> bool {
    metric.quota_code != NO_CODE && metric.quota_code.starts_with("L-")
}

fn json_string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::tests::{account, metric};

    #[test]
    fn a_link_leads_to_the_console_of_its_partition() {
        let link = |partition: &str, region: &str| {
            let account = account(partition, region);
            let context = crate::say::tests::context(&account, None);
            console_link(&context, &metric("L-22922690", "a", 1.0, 1.0))
        };
        let path = "servicequotas/home/services/connect/quotas/L-22922690";
        assert_eq!(link("aws", "eu-central-1").unwrap(), format!("https://eu-central-1.console.aws.amazon.com/{path}"));
        assert_eq!(
            link("aws-us-gov", "us-gov-west-1").unwrap(),
            format!("https://us-gov-west-1.console.amazonaws-us-gov.com/{path}")
        );
        assert_eq!(link("aws-cn", "cn-north-1").unwrap(), format!("https://cn-north-1.console.amazonaws.cn/{path}"));
        assert_eq!(link("aws-new", "x-1"), None);
    }

    #[test]
    fn there_is_a_command_only_where_it_can_help() {
        let account = account("aws", "eu-central-1");
        let context = crate::say::tests::context(&account, None);
        let row = metric("L-8787723E", "a", 2.0, 2.0);
        let command = Increase::of(&context, &row).command().unwrap();
        assert!(command.ends_with("--quota-code L-8787723E --desired-value 4"), "{command}");
        assert!(Increase::of(&context, &Metric { adjustable: Some(false), ..row.clone() }).command().is_none());
        assert!(Increase::of(&context, &Metric { quota_code: NO_CODE.to_owned(), ..row.clone() }).command().is_none());
        let own = Metric { limit_source: Some("override".to_owned()), ..row.clone() };
        assert!(Increase::of(&context, &own).command().is_none());
        // 62 of 100 calls, and some were rejected because they came too fast.
        let too_fast = |utilization| Metric {
            rejected: Some(3.0),
            is_rejected_by_rate: true,
            utilization: Some(utilization),
            ..row.clone()
        };
        assert!(Increase::of(&context, &too_fast(62.0)).command().is_none());
        assert!(Increase::of(&context, &too_fast(97.0)).command().is_some());
    }
}
