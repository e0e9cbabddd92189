//! Requests to AWS for higher limits, as plain data.

use jiff::Timestamp;

use super::format::{number, one_line};

/// A raised quota should last: this much above the limit, and this much of it used at most.
const HEADROOM: f64 = 1.25;
const COMFORTABLE_SHARE: f64 = 0.6;

/// A request, as AWS's history has it.
#[derive(Debug, Clone, PartialEq)]
pub struct IncreaseRequest {
    pub id: Option<String>,
    pub quota_code: String,
    pub desired: f64,
    /// AWS's word, such as `PENDING`, `CASE_OPENED`, `APPROVED` or `DENIED`.
    pub status: String,
    pub created: Timestamp,
    /// When AWS last changed it: of a request that is closed, when it was answered.
    pub updated: Timestamp,
    /// The ARN of the resource that it is for; none: the account, or all its resources.
    pub context: Option<String>,
    /// The support case that AWS opened for it.
    pub case_id: Option<String>,
}

impl IncreaseRequest {
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "CASE_OPENED")
    }
}

/// What to ask AWS for.
#[derive(Debug, Clone, PartialEq)]
pub struct Increase {
    pub service_code: String,
    pub quota_code: String,
    pub desired: f64,
    /// The instance's ARN, for what is counted in an instance.
    pub context: Option<String>,
}

impl Increase {
    /// The command that asks for it; each argument is one word of a POSIX shell, because somebody will paste it.
    #[must_use]
    pub fn command(&self, region: &str) -> String {
        let mut command = "aws service-quotas request-service-quota-increase".to_owned();
        let mut option = |name: &str, value: &str| {
            command.extend([" ", name, " ", shell_word(value).as_str()]);
        };
        option("--region", region);
        option("--service-code", &self.service_code);
        option("--quota-code", &self.quota_code);
        option("--desired-value", &number(self.desired));
        if let Some(arn) = &self.context {
            option("--context-id", arn);
        }
        command
    }
}

/// The value to ask for: a quarter above the limit, and so much that the usage is 60 percent of it at
/// most. In whole numbers, but for limits that are none themselves (0.5 calls a second).
#[must_use]
pub fn desired(limit: f64, usage: f64) -> f64 {
    let wanted = (limit * HEADROOM).max(usage / COMFORTABLE_SHARE);
    let steps = if limit.fract() > 0.0 && wanted < 10.0 { 100.0 } else { 1.0 };
    // 147 / 0.6 is a hair above 245 in binary, and nobody wants to ask for 246.
    ((wanted * steps) - 1e-6).ceil().max(1.0) / steps
}

/// One argument of a POSIX shell.
fn shell_word(text: &str) -> String {
    let text = one_line(text);
    let is_safe = |b: u8| b.is_ascii_alphanumeric() || b"_:/.@%+=,-".contains(&b);
    if !text.is_empty() && text.bytes().all(is_safe) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            proptest::prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), one_line(&text));
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
            assert_eq!(printed, format!("--context-id\n{}\n", one_line(text)), "{text:?}");
        }
    }
}
