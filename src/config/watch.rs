//! The watches: what they count, and from where on they tell.

use super::reader::Reader;
use crate::domain::glob::Glob;

/// Settings of the watches on events.
#[derive(Debug, Clone)]
pub struct Watches {
    /// Rejected calls of one caller in five minutes, from which on they are told.
    pub throttled: u32,
    /// Token failures of one client in five minutes, above which they are told.
    pub token_failures: u32,
    pub cool_down_minutes: u32,
    pub lookup: bool,
    pub rate_limit_topics: Vec<Glob>,
    pub token_topics: Vec<Glob>,
}

impl Watches {
    /// What is not said otherwise, with these topics.
    pub(super) fn of_topics(rate_limits: &str, tokens: &str) -> Self {
        Self {
            throttled: 10,
            token_failures: 50,
            cool_down_minutes: 60,
            lookup: true,
            rate_limit_topics: globs(rate_limits),
            token_topics: globs(tokens),
        }
    }
}

/// Topics from a text with commas between them.
fn globs(text: &str) -> Vec<Glob> {
    text.split(',').map(str::trim).filter(|glob| !glob.is_empty()).map(Glob::new).collect()
}

impl Reader<'_> {
    pub(super) fn watches(&mut self) -> Watches {
        let default = Watches::default();
        let lookup = if self.text("WATCH_LOOKUP").is_some() { self.flag("WATCH_LOOKUP") } else { default.lookup };
        Watches {
            throttled: self.number("WATCH_THROTTLED", 1, 100_000).unwrap_or(default.throttled),
            token_failures: self.number("WATCH_TOKEN_FAILURES", 1, 100_000).unwrap_or(default.token_failures),
            cool_down_minutes: self.number("WATCH_COOL_DOWN_MINUTES", 5, 1440).unwrap_or(default.cool_down_minutes),
            lookup,
            rate_limit_topics: self.topics("GENESYS_RATE_LIMIT_TOPICS").unwrap_or(default.rate_limit_topics),
            token_topics: self.topics("GENESYS_TOKEN_TOPICS").unwrap_or(default.token_topics),
        }
    }

    fn topics(&mut self, name: &str) -> Option<Vec<Glob>> {
        let text = self.text(name)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-{}*?, ".contains(c);
        let globs = globs(&text);
        if globs.is_empty() || !text.chars().all(allowed) {
            self.problem(
                name,
                &text,
                "expected topics of Genesys Cloud, such as `v2.operations.events.*`, with commas between",
            );
        }
        Some(globs)
    }
}
