//! CloudWatch alarms that watch between the runs: what they are, and which ones there should be.
//!
//! Pure. [`apis`] and [`lines`] make the alarms, [`plan`] compares them with those that exist, [`code`]
//! prints them for people who keep their alarms as code.

pub mod apis;
pub mod code;
pub mod lines;
pub mod plan;

use crate::config::alarms::Settings;
use crate::domain::alarm::Alarm;
use crate::domain::alarm::METRIC_ID;
use crate::domain::alarm::TAG;
use std::collections::BTreeSet;

use crate::domain::Account;

/// CloudWatch's own bounds, in characters.
const LONGEST_NAME: usize = 255;
const LONGEST_DESCRIPTION: usize = 1024;

/// The alarms that there should be, and what is not known this time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Desired {
    pub alarms: Vec<Alarm>,
    /// Active APIs beyond `API_ALARM_LIMIT`, as `service/operation`, the most used first.
    pub left_out: Vec<String>,
    pub held: Held,
}

/// Names of alarms about which nothing is known this time, because a call failed: they stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    names: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Held {
    pub fn name(&mut self, name: String) {
        self.names.insert(name);
    }

    /// Every alarm whose name begins with this.
    pub fn folder(&mut self, folder: String) {
        self.folders.insert(folder);
    }

    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.names.contains(name) || self.folders.iter().any(|folder| name.starts_with(folder.as_str()))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.folders.is_empty()
    }
}

impl Desired {
    /// Adds what another source wants.
    pub fn merge(&mut self, other: Self) {
        self.alarms.extend(other.alarms);
        self.left_out.extend(other.left_out);
        self.held.names.extend(other.held.names);
        self.held.folders.extend(other.held.folders);
    }
}

/// What every alarm of a run has in common.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    pub settings: &'a Settings,
    pub account: &'a Account,
    /// Percent; what `API_ALARM_THRESHOLD` or `THRESHOLD_PERCENTAGE` says.
    pub threshold: f64,
    /// Where alarms go; none: they only show in CloudWatch.
    pub topic: Option<&'a str>,
    /// We keep these alarms ourselves, and say so in them.
    pub kept: bool,
}

impl Common<'_> {
    fn actions(&self) -> Vec<String> {
        self.topic.map(str::to_owned).into_iter().collect()
    }

    fn keeper(&self) -> String {
        if self.kept { format!(" This alarm is kept by {TAG}, which writes over changes.") } else { String::new() }
    }

    /// `<prefix>/<Region>/<parts ...>`, within CloudWatch's bound.
    fn name(&self, parts: &[&str]) -> String {
        bounded_name(&format!("{}{}", folder(&self.settings.prefix, &self.account.region), parts.join("/")))
    }
}

/// What the names of all our alarms begin with.
#[must_use]
pub fn folder(prefix: &str, region: &str) -> String {
    format!("{prefix}/{region}/")
}

/// A name that is too long is cut, and told apart from others by a hash of the whole.
fn bounded_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { '-' } else { c }).collect();
    if name.chars().count() <= LONGEST_NAME {
        return name;
    }
    // FNV-1a: the same in every build, because the name must be found again.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let kept: String = name.chars().take(LONGEST_NAME - 17).collect();
    format!("{kept}-{hash:016x}")
}

fn bounded_description(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() <= LONGEST_DESCRIPTION {
        return text;
    }
    let kept: String = text.chars().take(LONGEST_DESCRIPTION - 3).collect();
    format!("{kept}...")
}

/// `100 * metric / limit`, as metric math. Against a limit of 0 every use is over it; a division by it
/// would be no data.
fn percent_of(limit: f64, scale: Option<u32>) -> String {
    match scale {
        _ if limit <= 0.0 => format!("IF({METRIC_ID} > 0, 100, 0)"),
        Some(seconds) => format!("{METRIC_ID}/({limit}*{seconds})*100"),
        None => format!("{METRIC_ID}/{limit}*100"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn account() -> Account {
        Account {
            id: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            partition: "aws".to_owned(),
            named: crate::domain::Named::default(),
        }
    }

    proptest! {
        #[test]
        fn names_fit_are_stable_and_stay_apart(a in "\\PC{0,300}", b in "\\PC{0,300}") {
            let long = |tail: &str| bounded_name(&format!("{}{tail}", "x".repeat(250)));
            for text in [&a, &b] {
                prop_assert!((1..=LONGEST_NAME).contains(&long(text).chars().count()));
                prop_assert_eq!(long(text), long(text));
                prop_assert!(bounded_description(&text.repeat(9)).chars().count() <= LONGEST_DESCRIPTION);
            }
            prop_assert_eq!(a == b, long(&a) == long(&b));
        }
    }

    #[test]
    fn expressions_are_literal_and_never_divide_by_nothing() {
        assert_eq!(percent_of(10.0, Some(60)), "m1/(10*60)*100");
        assert_eq!(percent_of(0.5, Some(300)), "m1/(0.5*300)*100");
        assert_eq!(percent_of(500.0, None), "m1/500*100");
        assert_eq!(percent_of(0.0, None), "IF(m1 > 0, 100, 0)");
    }
}
