//! The watches, one entry each.

use crate::config::watch::Watches;

/// What is watched.
#[derive(Debug, PartialEq, Eq)]
pub struct Watch {
    /// As it stands in keys and documents.
    pub name: &'static str,
    /// Codes in CloudTrail records; one that ends with `*` is a prefix. None: an event of Genesys Cloud.
    pub codes: &'static [&'static str],
    /// What happened, after the caller's name.
    pub words: &'static str,
    /// What to do.
    pub advice: &'static str,
}

pub const THROTTLED: usize = 0;
pub const LIMIT_REACHED: usize = 1;
pub const RATE_LIMITED: usize = 2;
pub const TOKEN_FAILURES: usize = 3;

pub static WATCHES: [Watch; 4] = [
    Watch {
        name: "connect-throttled",
        codes: &["ThrottlingException", "TooManyRequestsException", "Throttl*", "RequestLimitExceeded"],
        words: "was throttled",
        advice: "Do not send all calls at the same moment: add random waits. Save results and reuse them instead of asking \
                 again. Let one program make all these calls, at a fixed pace. The rate is shared by everybody in the \
                 account and Region. If all calls are needed, ask AWS for a higher rate.",
    },
    Watch {
        name: "connect-limit-reached",
        codes: &["ServiceQuotaExceededException", "LimitExceededException", "ResourceQuotaExceededException"],
        words: "ran into a limit",
        advice: "Retrying will not help: a limit is full. Delete what is not needed, or ask for a higher quota. Some SDKs \
                 retry this error all the same.",
    },
    Watch {
        name: "genesys-rate-limited",
        codes: &[],
        words: "ran into a rate limit of Genesys Cloud",
        advice: "The platform API takes 300 requests a minute for each token. Stop or slow this client. Where several \
                 programs share one client id, give each its own first.",
    },
    Watch {
        name: "genesys-token-failures",
        codes: &[],
        words: "failed to get tokens of Genesys Cloud",
        advice: "Check the secret and the roles of this client, and let it wait between attempts: 300 token requests a \
                 minute are allowed. Where several programs share one client id, give each its own first.",
    },
];

/// Operations of Amazon Connect that fill one quota and no other, with its code.
const FILLS: [(&str, &str); 14] = [
    ("CreateUser", "L-9A46857E"),
    ("CreateQueue", "L-19A87C94"),
    ("CreateRoutingProfile", "L-D3E7BE26"),
    ("CreateSecurityProfile", "L-F325A715"),
    ("CreateUserHierarchyGroup", "L-D68AAAE4"),
    ("CreateQuickConnect", "L-68BBE2E8"),
    ("CreateHoursOfOperation", "L-20CD02F7"),
    ("CreatePrompt", "L-0865B754"),
    ("CreateContactFlow", "L-22922690"),
    ("CreateContactFlowModule", "L-19755C7E"),
    ("CreateAgentStatus", "L-D945C9A8"),
    ("CreateDataTable", "L-D492D362"),
    ("CreateEmailAddress", "L-F4C86B27"),
    ("CreateWorkspace", "L-6402A996"),
];

/// The code of the quota that is full when this operation of a service meets a limit; none where AWS does not say.
#[must_use]
pub fn filled_by(service: &str, operation: &str) -> Option<&'static str> {
    FILLS.iter().find(|(name, _)| service == "connect" && *name == operation).map(|(_, code)| *code)
}

impl Watch {
    /// Its events are records of CloudTrail, not events of Genesys Cloud.
    #[must_use]
    pub fn is_of_aws(&self) -> bool {
        !self.codes.is_empty()
    }

    /// Events in five minutes from which on they are told.
    #[must_use]
    pub fn threshold(&self, settings: &Watches) -> u64 {
        match self.name {
            "connect-throttled" => settings.throttled.into(),
            "genesys-token-failures" => u64::from(settings.token_failures) + 1,
            _ => 1,
        }
    }

    fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own.strip_suffix('*').map_or(*own == code, |start| code.starts_with(start)))
    }

    /// The watch that an error code of a record belongs to.
    pub(super) fn of_code(code: &str) -> Option<&'static Self> {
        WATCHES.iter().find(|watch| watch.has(code))
    }

    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        WATCHES.iter().find(|watch| watch.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::domain::Scope;

    #[test]
    fn what_an_operation_fills_is_a_quota_of_its_instance() {
        for (operation, code) in FILLS {
            let quota = catalogue::all().find(|quota| quota.code == code).unwrap();
            let noun = operation.trim_start_matches("Create").trim_start_matches("Contact")[..4].to_lowercase();
            let name = quota.name.to_lowercase().replace(' ', "");
            assert!(name.contains(&noun) && quota.scope == Scope::Instance, "{operation}: {}", quota.name);
        }
        assert_eq!(filled_by("connect", "CreateQueue"), Some("L-19A87C94"));
        assert_eq!((filled_by("cases", "CreateQueue"), filled_by("connect", "CreateInstance")), (None, None));
    }
}
