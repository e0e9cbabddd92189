//! What stands around the monitor in its account, as plain data.

/// A rule of EventBridge's default bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub description: String,
    /// Such as `rate(1 hour)`; none for a rule on events.
    pub schedule: Option<String>,
    pub state: RuleState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleState {
    Disabled,
    /// On events of CloudTrail: of those that write only.
    Enabled,
    /// On events of CloudTrail: of those that read too.
    EnabledForReads,
}

/// A trail, by what of the management events it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    pub name: String,
    pub is_logging: bool,
    pub takes_writes: bool,
    pub takes_reads: bool,
}

/// A metric alarm, as far as it matters whether it watches something and tells somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingAlarm {
    pub name: String,
    pub is_in_alarm: bool,
    /// Namespaces and names of what it looks at.
    pub metrics: Vec<(String, String)>,
    /// Its actions are on, and there is one for the state ALARM.
    pub has_action: bool,
}
