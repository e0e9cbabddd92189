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
        advice: "Spread these calls (jitter), cache what is polled, or let one paced consumer make them. The rate is shared \
                 by everybody in the account and Region: ask for more when the calls are needed.",
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

impl Watch {
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
