//! EventBridge: the rules of the default bus. Sending events is [`crate::send`]'s.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types;
use tokio::time::Instant;

use super::call::Caller;
use super::pages::Pages;
use crate::domain::Fault;
use crate::domain::around::{Rule, RuleState};

/// The paced client of the rules.
#[derive(Debug, Clone)]
pub struct Rules {
    client: Client,
    pub(super) caller: Caller,
}

impl Rules {
    #[must_use]
    pub fn new(client: Client, caller: Caller) -> Self {
        Self { client, caller }
    }

    /// Every rule of the default bus.
    ///
    /// # Errors
    /// The fault of `ListRules`; a part of the pages is no answer.
    pub async fn all(&self, deadline: Instant) -> Result<Vec<Rule>, Fault> {
        const OPERATION: &str = "ListRules";
        let mut found = Vec::new();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        loop {
            let send = || self.client.list_rules().limit(100).set_next_token(pages.token()).send();
            let output = self.caller.call(OPERATION, deadline, send).await?;
            found.extend(output.rules.into_iter().flatten().map(rule));
            if !pages.advance(output.next_token)? {
                return Ok(found);
            }
        }
    }
}

fn rule(rule: types::Rule) -> Rule {
    Rule {
        state: match rule.state {
            Some(types::RuleState::Enabled) => RuleState::Enabled,
            Some(types::RuleState::EnabledWithAllCloudtrailManagementEvents) => RuleState::EnabledForReads,
            _ => RuleState::Disabled,
        },
        name: rule.name.unwrap_or_default(),
        description: rule.description.unwrap_or_default(),
        schedule: rule.schedule_expression.filter(|text| !text.is_empty()),
    }
}
