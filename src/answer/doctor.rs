//! Is all in place? What was looked at, how it is, and what mends it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::format::one_line;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    Attention,
    Broken,
    Unknown,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Attention => "attention",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub check: &'static str,
    pub state: State,
    /// For the reader's eyes: it may hold names.
    pub finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The call that failed, as `service:Operation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The fault's kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What was counted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<&'static str, usize>,
    /// Names that AWS gave to what it publishes, which belong to nobody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vocabulary: Vec<String>,
    /// The IAM action that is missing, and on what.
    #[serde(skip)]
    pub missing: Option<(String, String)>,
}

impl Check {
    #[must_use]
    pub fn new(check: &'static str, state: State, finding: impl Into<String>) -> Self {
        Self {
            check,
            state,
            finding: finding.into(),
            remedy: None,
            operation: None,
            kind: None,
            counts: BTreeMap::new(),
            vocabulary: Vec::new(),
            missing: None,
        }
    }

    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    #[must_use]
    pub fn count(mut self, what: &'static str, n: usize) -> Self {
        self.counts.insert(what, n);
        self
    }

    /// Names that AWS gave to what it publishes. Nothing that a user named may be among them.
    #[must_use]
    pub fn vocabulary(mut self, names: Vec<String>) -> Self {
        self.vocabulary = names;
        self
    }

    /// The call that failed, and the action that a policy lacks for it.
    #[must_use]
    pub fn failed(mut self, operation: &str, kind: &'static str, missing: Option<(String, String)>) -> Self {
        (self.operation, self.kind, self.missing) = (Some(operation.to_owned()), Some(kind), missing);
        self
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings(pub Vec<Check>);

impl Findings {
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.iter().any(|check| check.state == State::Broken)
    }

    /// A policy with every missing action; none where none is missing.
    #[must_use]
    pub fn policy(&self) -> Option<Value> {
        let mut actions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (action, resource) in self.0.iter().filter_map(|check| check.missing.as_ref()) {
            actions.entry(resource).or_default().insert(action);
        }
        let statements: Vec<Value> = actions
            .into_iter()
            .map(|(resource, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resource}))
            .collect();
        (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements}))
    }

    /// As `--output json` prints them.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({"broken": self.is_broken(), "checks": self.0, "missing_permissions": self.policy()})
    }

    /// What may be attached to a public bug report: states, our own words, names of operations, and numbers. Of text that
    /// came from AWS it holds the names under which AWS publishes usage, and none from the configuration.
    #[must_use]
    pub fn without_names(&self, version: &str) -> Value {
        let check = |check: &Check| {
            json!({
                "check": check.check,
                "state": check.state,
                "operation": check.operation,
                "kind": check.kind,
                "counts": check.counts,
                "names_of_aws": check.vocabulary,
            })
        };
        let checks: Vec<Value> = self.0.iter().map(check).collect();
        json!({"schema_version": 1, "version": version, "checks": checks})
    }

    /// One line for each, with its remedy below; control characters and direction marks of other people's text are left out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.0 {
            let _ = writeln!(text, "{:<9}  {}: {}", check.state.as_str(), check.check, one_line(&check.finding));
            if let Some(remedy) = &check.remedy {
                let _ = writeln!(text, "{:<9}  -> {}", "", one_line(remedy));
            }
        }
        if let Some(policy) = self.policy() {
            let _ = writeln!(text, "\nPermissions that are missing, as a policy to paste:\n{policy:#}");
        }
        text
    }
}

/// The stores are two hours old at most where a function runs every hour.
const OLD_SECONDS: i64 = 2 * 3600;

/// When a run last wrote its ledger. `age`: seconds; none where there is no ledger.
#[must_use]
pub fn last_run(age: Option<i64>) -> Check {
    let deploy = "look at the function's log, its schedule, and the queue of failed invocations";
    match age {
        None => Check::new("last run", State::Attention, "no run has written a ledger yet").remedy(deploy),
        Some(age) => {
            let minutes = age.max(0) / 60;
            let finding = format!("{minutes} minutes ago");
            let state = if age > OLD_SECONDS { State::Attention } else { State::Ok };
            let check = Check::new("last run", state, finding).count("minutes", usize::try_from(minutes).unwrap_or(0));
            if state == State::Ok { check } else { check.remedy(deploy) }
        }
    }
}

/// Does anybody receive the alerts?
#[must_use]
pub fn topic(confirmed: u64, pending: u64) -> Check {
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let finding = format!("{confirmed} confirmed subscriptions, {pending} pending");
    let state = if confirmed == 0 { State::Broken } else { State::Ok };
    let check =
        Check::new("topic", state, finding).count("confirmed", count(confirmed)).count("pending", count(pending));
    if confirmed > 0 {
        return check;
    }
    check.remedy("nobody receives alerts: subscribe an address, and follow the link in the mail that it gets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_names_has_none() {
        let arn = "arn:aws:sns:us-east-1:111122223333:secret-topic";
        let missing = Some(("sns:GetTopicAttributes".to_owned(), arn.to_owned()));
        let check = Check::new("topic", State::Broken, format!("{arn} refused"))
            .remedy(format!("look at {arn}"))
            .count("instances", 3)
            .failed("sns:GetTopicAttributes", "access_denied", missing);
        let findings = Findings(vec![check]);
        let nameless = findings.without_names("1.2.3").to_string();
        assert!(!nameless.contains("secret") && !nameless.contains("1111"), "{nameless}");
        assert!(nameless.contains("access_denied") && nameless.contains(r#""instances":3"#), "{nameless}");
        assert!(findings.text().contains(arn) && findings.is_broken());
    }

    #[test]
    fn missing_actions_become_one_statement_for_each_resource() {
        let lacks = |action: &str, on: &str| {
            let missing = Some((action.to_owned(), on.to_owned()));
            Check::new("permission", State::Broken, "x").failed(action, "access_denied", missing)
        };
        let findings =
            Findings(vec![lacks("connect:ListUsers", "*"), lacks("connect:ListQueues", "*"), lacks("s3:X", "b")]);
        let expected = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["connect:ListQueues", "connect:ListUsers"], "Resource": "*"},
            {"Effect": "Allow", "Action": ["s3:X"], "Resource": "b"},
        ]});
        assert_eq!(findings.policy(), Some(expected));
        assert_eq!(Findings(vec![last_run(Some(60))]).policy(), None);
    }

    #[test]
    fn a_run_is_late_after_two_hours_and_a_topic_needs_a_confirmed_subscription() {
        for (age, state) in
            [(None, State::Attention), (Some(7200), State::Ok), (Some(7201), State::Attention), (Some(-5), State::Ok)]
        {
            assert_eq!(last_run(age).state, state, "{age:?}");
        }
        assert_eq!((topic(0, 3).state, topic(1, 0).state), (State::Broken, State::Ok));
    }

    #[test]
    fn text_of_others_does_not_steer_the_terminal() {
        let hostile = "a\u{1b}[2Jb\nbroken c\u{202e}d\u{2028}e";
        let text = Findings(vec![Check::new("instances", State::Ok, hostile).remedy(hostile)]).text();
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2028}']) && text.lines().count() == 2, "{text}");
    }
}
