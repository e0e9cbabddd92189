//! The second look: who made the accepted calls of an operation, in CloudTrail's records. Pure.
//!
//! Nobody can prove that Amazon Connect records rejected calls. Accepted ones it does record, and who makes most of
//! them in the busiest minutes is who takes the rate from the others.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::record::Record;
use super::span;

/// Callers that are named.
const MOST: usize = 5;
/// Characters of a caller's name in a sentence.
const NAME: usize = 80;

/// Seconds of the Unix epoch, from the first to before the second.
pub type Span = (i64, i64);

/// Who made how many of the accepted calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callers {
    pub operation: String,
    pub span: Span,
    /// Accepted calls of all callers.
    pub calls: usize,
    /// False: only the newest calls of the time were read.
    pub is_whole: bool,
    /// At most five, who made most first.
    pub most: Vec<(String, usize)>,
}

/// Q in Connect has two names.
pub(super) fn name_of(service: &str) -> &str {
    if service == "qconnect" { "wisdom" } else { service }
}

impl Callers {
    /// Of the records of an operation, those of one service (`connect`, `cases`, `profile` ...), which were accepted.
    #[must_use]
    pub fn of(records: &[Record], service: &str, operation: &str, span: Span, is_whole: bool) -> Self {
        let mut by: BTreeMap<&str, usize> = BTreeMap::new();
        let of_service = |record: &&Record| name_of(&record.service) == name_of(service);
        for record in records.iter().filter(|r| r.error_code.is_none()).filter(of_service) {
            *by.entry(&record.caller).or_default() += 1;
        }
        let calls = by.values().sum();
        let mut most: Vec<(String, usize)> = by.into_iter().map(|(who, n)| (who.to_owned(), n)).collect();
        most.sort_by_key(|(_, n)| Reverse(*n));
        most.truncate(MOST);
        Self { operation: operation.to_owned(), span, calls, is_whole, most }
    }

    /// A whole number, so that all shares and the others' make 100 at most.
    #[must_use]
    pub fn percent(&self, calls: usize) -> usize {
        calls * 100 / self.calls.max(1)
    }

    /// One sentence without a full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { operation, calls, .. } = self;
        let time = span::words(self.span);
        if *calls == 0 {
            return format!(
                "CloudTrail shows no accepted call of {operation} {time}; it may show calls some minutes late"
            );
        }
        let named = self.most.iter().map(|(who, n)| {
            let who: String = who.chars().take(NAME).collect();
            format!("{who} {}%", self.percent(*n))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let others = calls - self.most.iter().map(|(_, n)| n).sum::<usize>();
        let others = if others > 0 { format!(", others {}%", self.percent(others)) } else { String::new() };
        let of = match (self.is_whole, *calls) {
            (true, 1) => "1 call".to_owned(),
            (true, n) => format!("{n} calls"),
            (false, n) => format!("the newest {n} calls"),
        };
        format!("accepted calls of {operation} {time}, by CloudTrail: {named}{others} ({of})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: usize, caller: &str, service: &str, code: Option<&str>) -> Record {
        Record {
            id: format!("e{n}"),
            at: 1_772_452_800,
            service: service.to_owned(),
            operation: "ListUsers".to_owned(),
            error_code: code.map(str::to_owned),
            caller: caller.to_owned(),
            session: None,
            address: None,
            agent: None,
            instance: None,
            domain: None,
        }
    }

    const SPAN: Span = (1_772_452_740, 1_772_452_920);

    #[test]
    fn five_callers_are_named_with_their_shares() {
        let mut records = Vec::new();
        for (caller, calls) in
            [("role a", 50), ("role b", 20), ("role c", 10), ("role d", 8), ("role e", 7), ("role f", 5)]
        {
            records.extend((0..calls).map(|n| record(n, caller, "connect", None)));
        }
        records.extend((0..30).map(|n| record(n, "role a", "connect", Some("ThrottlingException"))));
        records.extend((0..30).map(|n| record(n, "role a", "cases", None)));
        let callers = Callers::of(&records, "connect", "ListUsers", SPAN, true);
        assert_eq!(
            callers.sentence(),
            "accepted calls of ListUsers from 11:59 to 12:02 UTC, by CloudTrail: role a 50%, role b 20%, role c 10%, \
             role d 8%, role e 7%, others 5% (100 calls)"
        );
        let part = Callers { is_whole: false, ..callers };
        assert!(part.sentence().ends_with("(the newest 100 calls)"), "{}", part.sentence());
    }

    #[test]
    fn no_call_is_said_and_q_in_connect_has_two_names() {
        let none = Callers::of(&[], "connect", "ListUsers", SPAN, true);
        assert!(none.sentence().starts_with("CloudTrail shows no accepted call of ListUsers from 11:59"));
        let records = [record(0, "role a", "qconnect", None), record(1, "role a", "wisdom", None)];
        assert_eq!(Callers::of(&records, "wisdom", "ListContents", SPAN, true).calls, 2);
    }
}
