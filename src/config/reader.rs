//! Reads single variables and collects what is wrong with them.

use std::str::FromStr;

use crate::config::overrides::Overrides;
use crate::domain::instances::InstancePattern;
use crate::domain::target::{LONGEST_NAME, is_name};

pub(super) struct Reader<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) problems: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, name: &str, value: &str, why: &str) {
        self.problems.push(format!("{name}=`{value}`: {why}"));
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    pub(super) fn number(&mut self, name: &str, low: u32, high: u32) -> Option<u32> {
        let text = self.text(name)?;
        match text.parse::<u32>() {
            Ok(n) if (low..=high).contains(&n) => Some(n),
            _ => {
                self.problem(name, &text, &format!("expected a whole number from {low} to {high}"));
                None
            }
        }
    }

    pub(super) fn parsed<T: FromStr<Err = String>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|why: String| self.problem(name, &text, &why)).ok()
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        let Some(text) = self.text(name) else { return false };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => true,
            "false" | "0" | "no" => false,
            _ => {
                self.problem(name, &text, "expected `true` or `false`");
                false
            }
        }
    }

    /// A store's name, where its switch is on.
    pub(super) fn switched(&mut self, switch: &str, name: &str) -> Option<String> {
        if !self.flag(switch) {
            return None;
        }
        let text = self.text(name);
        if text.is_none() {
            self.problem(name, "", &format!("expected a name, because {switch} is on"));
        }
        text
    }

    pub(super) fn topic(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let valid = matches!(parts.as_slice(), ["arn", partition, "sns", region, account, topic]
            if partition.starts_with("aws") && !region.is_empty() && !account.is_empty()
                && !topic.is_empty() && !topic.contains(':'));
        if !valid {
            self.problem(
                name,
                &text,
                "expected the ARN of an SNS topic (arn:<partition>:sns:<region>:<account>:<name>)",
            );
            return None;
        }
        if text.rsplit('.').next() == Some("fifo") {
            self.problem(name, &text, "expected a standard topic: a FIFO topic takes no mail subscriptions");
            return None;
        }
        Some(text)
    }

    pub(super) fn bus(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let bus = match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
            ["arn", partition, "events", _, _, resource] if partition.starts_with("aws") => {
                resource.strip_prefix("event-bus/").unwrap_or_default()
            }
            _ => &text,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if bus.is_empty() || bus.len() > 256 || !bus.chars().all(allowed) {
            let why = "expected `default`, or the name or ARN of an event bus of EventBridge";
            self.problem(name, &text, why);
            return None;
        }
        Some(text)
    }

    /// A name that stands in messages.
    pub(super) fn name(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if !is_name(&text) {
            self.problem(name, &text, &format!("expected one line of at most {LONGEST_NAME} characters"));
            return None;
        }
        Some(text)
    }

    pub(super) fn patterns(&self, name: &str) -> Vec<InstancePattern> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(InstancePattern::new).collect()
    }

    pub(super) fn overrides(&mut self, name: &str) -> Overrides {
        let Some(text) = self.text(name) else { return Overrides::default() };
        match Overrides::parse(&text) {
            Ok(overrides) => overrides,
            Err(problems) => {
                self.problems.extend(problems.into_iter().map(|p| format!("{name}: {p}")));
                Overrides::default()
            }
        }
    }
}
