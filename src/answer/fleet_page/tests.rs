use super::*;
use crate::domain::target::Target;
use crate::fleet::cell::{CellDocument, SCHEMA_VERSION, Seen, Worst};
use crate::fleet::compare::Now;
use crate::fleet::found::{Discovery, Found};
use crate::fleet::told::Told;
use jiff::Timestamp;

fn report(cells: &[(&str, &str, State, f64)]) -> FleetReport {
    let made = Some(Timestamp::UNIX_EPOCH);
    let source = "organizations".to_owned();
    let discovery = Discovery { schema_version: 1, made, source, accounts: 3, not_active: 1, failure: None };
    let found: Vec<Found> = cells
        .iter()
        .map(|(account, region, state, _)| Found {
            target: Target {
                account_name: Some(format!("Name <b>{account}</b>")),
                owner: Some("team-a".to_owned()),
                ..Target::new(account, region)
            },
            instances: 1,
            state: *state,
            reason: None,
            checked_at: Timestamp::UNIX_EPOCH,
            measured: !state.is_settled(),
        })
        .collect();
    let documents: Vec<CellDocument> = cells
        .iter()
        .map(|(account, region, state, percent)| CellDocument {
            schema_version: SCHEMA_VERSION,
            target: Target::new(account, region),
            state: *state,
            reason: None,
            execution_id: "e".to_owned(),
            began: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            ended: made,
            seen: (*percent > 0.0).then(|| Seen {
                at: Timestamp::UNIX_EPOCH,
                complete: true,
                instances: 2,
                violations: usize::from(*percent > 80.0),
                unknown: 0,
                max_utilization: Some(*percent),
                worst: Some(Worst { quota_name: "Prompts".to_owned(), instance: Some("acme".to_owned()) }),
                subjects: Vec::new(),
            }),
        })
        .collect();
    let now = |n: usize| Now {
        found: &found[n],
        state: cells[n].2,
        reason: Some("a reason".to_owned()),
        evidence: Timestamp::UNIX_EPOCH,
        document: (!cells[n].2.is_settled()).then_some(&documents[n]),
    };
    let rows = (0..cells.len()).map(|n| Row::of(&now(n), &Told::default())).collect();
    FleetReport::new("run-1", Timestamp::UNIX_EPOCH, discovery).with_rows(rows)
}

const A: &str = "111122223333";
const B: &str = "222233334444";

#[test]
fn unseen_comes_first_and_nothing_is_zero_that_was_not_seen() {
    let report = report(&[
        (A, "eu-west-2", State::Seen, 97.5),
        (A, "us-east-1", State::NotOptedIn, 0.0),
        (B, "eu-west-2", State::NoRole, 12.0),
        (B, "us-east-1", State::Empty, 0.0),
    ]);
    let order: Vec<_> = report.matrix.iter().map(|row| row.state).collect();
    assert_eq!(order[..2], [State::NoRole, State::Seen]);
    let counts = (report.cells.expected, report.cells.seen, report.cells.unseen);
    assert_eq!((counts, report.exit_code(), report.complete), ((2, 1, 1), 1, false));
    let page = render(&report, |_| None);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing in {page}"));
    assert!(place("? no role") < place("▲ 97.5 %"), "the account that cannot be seen stands first");
    assert!(place("Last seen 1970-01-01T00:00:00Z") > 0 && place("not opted in") > 0);
    assert!(page.contains("href=\"../../connect-reports/111122223333/eu-west-2/latest/index.html\""), "{page}");
    assert!(!page.contains("<b>111122223333</b>") && page.contains("Name &lt;b&gt;111122223333"), "names are text");
    assert!(!page.contains("<script") && page.contains("default-src 'none'"));
    assert!(page.contains("1 accounts are not active."));
}

#[test]
fn two_hundred_cells_take_a_small_page() {
    let accounts: Vec<String> = (0..40).map(|n| format!("{n:012}")).collect();
    let regions = ["eu-central-1", "eu-west-2", "us-east-1", "us-west-2", "ap-southeast-2"];
    let cells: Vec<_> = accounts.iter().flat_map(|a| regions.map(|r| (a.as_str(), r, State::Seen, 42.5))).collect();
    let page = render(&report(&cells), |key| {
        Some(format!("https://eu-west-2.console.aws.amazon.com/s3/object/bucket?region=eu-west-2&prefix={key}"))
    });
    eprintln!("the page of 200 cells takes {} bytes", page.len());
    assert!(page.len() < 80_000, "{} bytes", page.len());
}

#[test]
fn the_report_is_read_as_it_was_written() {
    let report = report(&[(A, "eu-west-2", State::Seen, 97.5)]);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(FleetReport::parse(&text).unwrap(), report);
    for (bad, why) in [("{}", "no report of a fleet"), ("[", "no report of a fleet")] {
        assert!(FleetReport::parse(bad).unwrap_err().contains(why));
    }
    assert!(FleetReport::parse(&text.replace("\"fleet\"", "\"run\"")).unwrap_err().contains("kind is `run`"));
}
