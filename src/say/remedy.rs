//! What a reader can do about a quota: look at it, ask AWS for more, or mute it.

use jiff::SignedDuration;
use serde_json::Value;

use super::digest::Context;
use super::words::{number, plain};
use crate::domain::{LimitSource, Metric, NO_CODE, console};
use crate::judge::increase::{context_of, desired};

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
        let mut words =
            vec!["aws".to_owned(), "service-quotas".to_owned(), "request-service-quota-increase".to_owned()];
        let mut option = |name: &str, value: &str| words.extend([name.to_owned(), shell_word(value)]);
        option("--region", &context.account.region);
        option("--service-code", &metric.service_code);
        option("--quota-code", &metric.quota_code);
        let desired = desired(metric.limit.unwrap_or(0.0), metric.usage.unwrap_or(0.0));
        option("--desired-value", &number(desired));
        if let Some(arn) = context_of(metric, context.instance) {
            option("--context-id", arn);
        }
        Self::Command(words.join(" "))
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

/// One argument of a POSIX shell: somebody will paste it.
fn shell_word(text: &str) -> String {
    let text = plain(text, ARGUMENT);
    let is_safe = |b: u8| b.is_ascii_alphanumeric() || b"_:/.@%+=,-".contains(&b);
    if !text.is_empty() && text.bytes().all(is_safe) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::tests::{account, metric};

    #[test]
    fn a_hostile_argument_is_one_word_of_the_shell() {
        assert_eq!(
            shell_word("arn:aws:connect:eu-central-1:1:instance/a-b"),
            "arn:aws:connect:eu-central-1:1:instance/a-b"
        );
        assert_eq!(shell_word("$(rm -rf /)'"), r"'$(rm -rf /)'\'''");
        assert_eq!(shell_word("a\nb;`c`"), "'a b;`c`'");
        assert_eq!(shell_word(""), "''");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
        /// A real shell takes it for the one word that it is.
        #[test]
        fn the_shell_reads_back_what_was_written(text in "[\\PC\n$`'\"\\\\!*;&|<>(){} ]{0,40}") {
            let script = format!("printf %s {}", shell_word(&text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            proptest::prop_assert!(output.status.success());
            proptest::prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), plain(&text, ARGUMENT));
        }
    }

    #[test]
    fn the_shell_hands_on_every_argument_as_it_was_meant() {
        let hostile = [
            "$(touch x)",
            "`id`",
            "'; rm -rf / #",
            "a\"b",
            "<script>",
            "$HOME",
            "a b",
            "\u{1b}[31m",
            "\u{202e}x",
            "é☎",
            "*",
            "~root",
            "-n",
            "a\r\nb",
            "\\",
            "!!",
            "&& x",
        ];
        for text in hostile {
            // A stub of `aws` that prints its arguments, each on a line.
            let script = format!("aws() {{ printf '%s\\n' \"$@\"; }}; aws --context-id {}", shell_word(text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            assert_eq!(printed, format!("--context-id\n{}\n", plain(text, ARGUMENT)), "{text:?}");
        }
    }

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
