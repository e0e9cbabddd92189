use super::*;
use crate::domain::target::Target;
use crate::fleet::cell::{Held, Over, SCHEMA_VERSION, Subject};

fn time(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn found(region: &str) -> Found {
    Found {
        target: Target::new("111122223333", region),
        instances: 1,
        state: State::Seen,
        reason: None,
        checked_at: time(0),
        measured: true,
    }
}

fn subject(id: &str, violations: &[&str]) -> Subject {
    let over = |name: &str| Over { quota_name: name.to_owned(), utilization: Some(90.0), critical: false };
    Subject {
        id: id.to_owned(),
        alias: None,
        looked_at: true,
        max_utilization: None,
        violations: violations.iter().map(|key| ((*key).to_owned(), over(key))).collect(),
        unknown: BTreeSet::new(),
        held: Held::default(),
    }
}

fn document(ended: i64, subjects: Vec<Subject>) -> CellDocument {
    CellDocument {
        schema_version: SCHEMA_VERSION,
        target: Target::new("111122223333", "eu-west-2"),
        state: State::Seen,
        reason: None,
        execution_id: "e".to_owned(),
        began: time(ended - 1),
        until: time(ended + 14),
        ended: Some(time(ended)),
        seen: Some(Seen {
            at: time(ended),
            complete: true,
            instances: 1,
            violations: 0,
            unknown: 0,
            max_utilization: None,
            worst: None,
            subjects,
        }),
    }
}

/// One digest: the news, and what readers know then.
fn digest(told: &Told, state: State, document: Option<&CellDocument>, minute: i64) -> (News, Told) {
    let found = found("eu-west-2");
    let evidence = document.map_or(time(minute), CellDocument::evidence);
    let cells = [Now { found: &found, state, reason: None, evidence, document }];
    compare(told, &of(&cells, minute))
}

fn of<'a>(cells: &'a [Now<'a>], minute: i64) -> Compared<'a> {
    Compared {
        cells,
        failure: None,
        pairs: &[],
        all_pairs_known: true,
        now: time(minute),
        interval: SignedDuration::from_mins(60),
    }
}

#[test]
fn new_is_told_once_and_unseen_or_unknown_is_no_recovery() {
    let first = document(10, vec![subject("i", &["a", "b"])]);
    let (news, told) = digest(&Told::default(), State::Seen, Some(&first), 15);
    assert_eq!(news.new.iter().map(|i| i.quota_name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(digest(&told, State::Seen, Some(&first), 20).0.is_empty(), "nothing twice");

    // The cell is not seen, then a quota is unknown, then the instance was not looked at.
    let failed =
        CellDocument { state: State::NoRole, ended: Some(time(70)), seen: first.seen.clone(), ..document(70, vec![]) };
    let (news, told) = digest(&told, State::NoRole, Some(&failed), 75);
    assert!(news.is_empty() && told.cells["111122223333#eu-west-2"].violations.len() == 2);
    let mut blind = subject("i", &["a"]);
    blind.unknown.insert("b".to_owned());
    let (news, told) = digest(&told, State::Seen, Some(&document(130, vec![blind.clone()])), 135);
    assert!(news.is_empty(), "{news:?}");
    (blind.looked_at, blind.violations) = (false, BTreeMap::new());
    let (news, told) = digest(&told, State::Seen, Some(&document(190, vec![blind])), 195);
    assert!(news.is_empty(), "{news:?}");

    let (news, told) = digest(&told, State::Seen, Some(&document(250, vec![subject("i", &["a"])])), 255);
    assert_eq!(news.recovered.iter().map(|i| (i.quota_name.as_str(), i.gone)).collect::<Vec<_>>(), [("b", false)]);
    let (news, _) = digest(&told, State::Empty, Some(&document(310, vec![])), 315);
    assert_eq!(news.recovered.iter().map(|i| (i.quota_name.as_str(), i.gone)).collect::<Vec<_>>(), [("a", true)]);
}

#[test]
fn what_the_ledger_of_a_cell_holds_is_not_recovered() {
    let (_, told) = digest(&Told::default(), State::Seen, Some(&document(10, vec![subject("i", &["a", "b"])])), 15);
    let mut held = subject("i", &[]);
    held.held.held.insert("a".to_owned());
    let (news, told) = digest(&told, State::Seen, Some(&document(70, vec![held])), 75);
    assert_eq!(news.recovered.iter().map(|i| i.quota_name.as_str()).collect::<Vec<_>>(), ["b"]);
    let mut blind = subject("i", &[]);
    blind.held.rows_may_be_missing = true;
    let (news, told) = digest(&told, State::Seen, Some(&document(130, vec![blind])), 135);
    assert!(news.is_empty(), "{news:?}");
    let (news, _) = digest(&told, State::Seen, Some(&document(190, vec![subject("i", &[])])), 195);
    assert_eq!(news.recovered.iter().map(|i| i.quota_name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_cell_unseen_twice_is_told_once_and_seen_again_once() {
    let failed = |minute| CellDocument { state: State::Throttled, seen: None, ..document(minute, vec![]) };
    let (news, told) = digest(&Told::default(), State::Throttled, Some(&failed(10)), 15);
    assert!(news.is_empty(), "once is no news");
    let (news, told) = digest(&told, State::Throttled, Some(&failed(10)), 20);
    assert!(news.is_empty(), "the same failure is not a second one");
    let (news, told) = digest(&told, State::Running, Some(&failed(10)), 71);
    assert!(news.is_empty() && told.cells.len() == 1);
    let (news, told) = digest(&told, State::Throttled, Some(&failed(70)), 75);
    assert_eq!((news.unseen.len(), news.unseen[0].since), (1, time(10)));
    let (news, told) = digest(&told, State::Throttled, Some(&failed(130)), 135);
    assert!(news.is_empty(), "told already");
    let (news, told) = digest(&told, State::Seen, Some(&document(190, vec![])), 195);
    assert_eq!(news.seen_again.len(), 1);
    assert!(told.cells.is_empty());
    assert!(digest(&told, State::Seen, Some(&document(250, vec![])), 255).0.is_empty());
}

#[test]
fn a_cell_that_no_run_reaches_is_unseen_as_time_passes() {
    let (news, told) = digest(&Told::default(), State::NotRun, None, 15);
    assert!(news.is_empty());
    let (news, told) = digest(&told, State::NotRun, None, 20);
    assert!(news.is_empty(), "a second look five minutes later is not a second run");
    assert_eq!(digest(&told, State::NotRun, None, 75).0.unseen.len(), 1);
}

#[test]
fn what_left_the_list_is_over_once() {
    let (_, told) = digest(&Told::default(), State::Seen, Some(&document(10, vec![subject("i", &["a"])])), 15);
    let (news, told) = compare(&told, &of(&[], 75));
    assert_eq!((news.recovered.len(), news.recovered[0].gone), (1, true));
    assert!(compare(&told, &of(&[], 135)).0.is_empty());
}

#[test]
fn a_failed_search_is_told_once_and_so_is_its_end() {
    let failed = Failed { since: time(1), at: time(1), reason: "denied".to_owned() };
    let compared = Compared { failure: Some(&failed), ..of(&[], 5) };
    let (news, told) = compare(&Told::default(), &compared);
    assert_eq!(news.discovery_failed.as_deref(), Some("denied"));
    assert!(compare(&told, &compared).0.is_empty());
    assert!(compare(&told, &of(&[], 9)).0.discovery_works);
}
