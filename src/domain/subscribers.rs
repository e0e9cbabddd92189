//! Who receives what is published to the alert topic.

use serde::{Deserialize, Serialize};

/// The subscriptions of a topic, as Amazon SNS counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriptions {
    /// These receive messages.
    pub confirmed: u64,
    /// These have not followed the link of the confirmation mail.
    pub pending: u64,
}

/// When the subscriptions were last counted, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Unix seconds.
    pub at: i64,
    /// None: SNS did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Subscriptions>,
}

/// A day, less what a schedule may fire early.
const COUNT_AGAIN_AFTER: i64 = 24 * 3600 - 1200;

impl Counted {
    /// Whether it is time to count again: after a day, and in each run while nobody receives anything.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        self.found.is_some_and(|found| found.confirmed == 0) || !(0..COUNT_AGAIN_AFTER).contains(&(now - self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_counted_once_a_day_and_always_while_there_are_none() {
        let counted = |confirmed: Option<u64>| Counted {
            at: 1_000_000,
            found: confirmed.map(|confirmed| Subscriptions { confirmed, pending: 1 }),
        };
        for (confirmed, hours, is_due) in
            [(Some(1), 1, false), (Some(1), 24, true), (Some(0), 1, true), (None, 1, false), (None, 24, true)]
        {
            assert_eq!(counted(confirmed).is_due(1_000_000 + hours * 3600), is_due, "{confirmed:?} after {hours} h");
        }
        assert!(counted(Some(1)).is_due(900_000), "a clock that went back");
    }
}
