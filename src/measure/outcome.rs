//! What was read, or why it was not, as the outcome of a row. Pure.

use jiff::Timestamp;

use crate::aws::cloudwatch::{Series, Unread};
use crate::catalogue::Quota;
use crate::domain::{Fault, FaultKind, Measured, Usage};

/// A usage with the catalogue's own doubt about it.
pub(super) fn used(quota: &Quota, mut usage: Usage) -> Measured {
    let notes = [usage.note.take().as_deref(), quota.note].into_iter().flatten().collect::<Vec<_>>().join("; ");
    usage.note = (!notes.is_empty()).then_some(notes);
    usage.is_setting = quota.is_setting;
    Measured::Usage(usage)
}

/// What a fault makes of a row. A companion service that is not here, or that the account does not have, is a
/// state and no failure; an operation that is not here yet is one that is told.
pub(super) fn unknown(fault: &Fault) -> Measured {
    match fault.kind {
        FaultKind::NotOffered | FaultKind::NotEnabled => Measured::NotMeasurable(fault.message.clone()),
        FaultKind::NoSuchOperation => Measured::Lacking(fault.clone()),
        _ => Measured::Unknown(fault.clone()),
    }
}

/// What a series that was not read as a whole makes of a row: what was seen of it is a lower bound.
pub(super) fn at_least(unread: &Unread, usage: impl Fn(Series) -> Measured) -> Measured {
    match (unknown(&unread.fault), unread.part.map(usage)) {
        (Measured::Unknown(fault), Some(Measured::Usage(usage))) => Measured::AtLeast(usage, fault),
        (other, _) => other,
    }
}

pub(super) fn not_asked(metric: &str) -> Fault {
    Fault::new("cloudwatch:GetMetricData", FaultKind::Other, format!("{metric} was not asked for"))
}

pub(super) fn clock(unix_seconds: i64) -> String {
    Timestamp::from_second(unix_seconds)
        .map_or_else(|_| "?".to_owned(), |t| t.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
