//! Subjects of which a report holds no rows: nobody may take them for well. Pure.

use super::stored::{StoredReport, Subject};
use super::{Completeness, LATE};

/// Why there are no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rowless {
    /// It was not to be measured: its state, or a filter.
    Skipped(String),
    /// It was to be measured, and nothing is known of it here: the time was over, nothing was seen, or its rows were left
    /// out.
    Unseen(String),
}

impl Rowless {
    /// None of a subject with rows, and of one that has none to show.
    #[must_use]
    pub fn of(report: &StoredReport, seen: &Subject) -> Option<Self> {
        if seen.metrics.as_ref().is_some_and(|rows| !rows.is_empty()) {
            return None;
        }
        let reason = || seen.reason.clone();
        match seen.status {
            Completeness::Skipped => {
                let why = reason().unwrap_or_else(|| "no reason given".to_owned());
                Some(if why.starts_with(LATE) { Self::Unseen(why) } else { Self::Skipped(why) })
            }
            _ if seen.metrics_count > 0 => {
                let note = report.metrics_note.as_deref().unwrap_or("they were left out");
                Some(Self::Unseen(format!("its {} rows are not in this report: {note}", seen.metrics_count)))
            }
            Completeness::Failed => {
                Some(Self::Unseen(reason().unwrap_or_else(|| "nothing of it could be seen".to_owned())))
            }
            Completeness::Complete | Completeness::Partial => None,
        }
    }

    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Skipped(why) | Self::Unseen(why) => why,
        }
    }
}
