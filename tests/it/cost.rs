//! What docs/COST.md says that a month costs: its sizes are measured, and its table adds up.

use serde_json::Value;

use crate::harness::{TABLE, demo};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/COST.md")).unwrap()
}

/// KB that the ledgers of an instance and of the account are taken for.
const LEDGERS: [usize; 2] = [15, 85];

/// Whole KB of the mean snapshot of the demo's instances, and of the account's.
async fn kilobytes() -> [usize; 2] {
    let mut bench = demo().with_table();
    bench.run().await.unwrap();
    let world = bench.sim.world();
    let items = world.tables[TABLE].plain_items();
    let mean = |of_account: bool| {
        let belongs = |item: &&Value| {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            text("subject").ends_with("#account") == of_account && text("timestamp") != "#ledger"
        };
        let sizes: Vec<usize> = items.iter().filter(belongs).map(|item| item.to_string().len()).collect();
        (sizes.iter().sum::<usize>() / sizes.len()).div_ceil(1_024)
    };
    [mean(false), mean(true)]
}

/// The amounts of a row, for 1, 10 and 50 instances.
fn amounts(row: &str) -> [f64; 3] {
    let cells: Vec<f64> =
        row.split('|').rev().skip(1).take(3).map(|cell| cell.trim().trim_matches('*').parse().unwrap()).collect();
    [cells[2], cells[1], cells[0]]
}

#[tokio::test(start_paused = true)]
async fn the_page_of_the_cost_says_what_is_measured() {
    let (page, [snapshot, of_account]) = (page(), kilobytes().await);
    let sizes = format!("The sizes ({snapshot} KB for an instance, {of_account} KB for the account)");
    assert!(page.contains(&sizes), "docs/COST.md does not say: {sizes}");
    let (each, once) = (snapshot + LEDGERS[0], of_account + LEDGERS[1]);
    let instances = [1_u32, 10, 50].map(f64::from);
    let kilobytes = instances.map(|n| n * each as f64 + once as f64);
    for (name, amount) in [
        ("DynamoDB writes", kilobytes.map(|kb| kb * 730.0 * 0.625 / 1e6)),
        ("DynamoDB storage", kilobytes.map(|kb| kb * 24.0 * 90.0 * 0.25 / 1e6)),
        ("DynamoDB point-in-time", kilobytes.map(|kb| kb * 24.0 * 90.0 * 0.2 / 1e6)),
        ("S3 storage", kilobytes.map(|kb| kb * 730.0 * 0.023 / 1e6)),
        ("CloudWatch GetMetricData", instances.map(|n| (43.0 + 16.0 * n) * 730.0 * 0.01 / 1e3)),
        ("custom metrics", instances.map(|n| (7.0 + n) * 0.3)),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap();
        for (told, amount) in amounts(row).into_iter().zip(amount) {
            assert!((told - amount).abs() < 0.0051, "{name}: {amount:.4} ({each}n + {once} KB), not {row}");
        }
        if row.contains(" KB") {
            assert!(row.contains(&format!("({each}n + {once})")), "({each}n + {once}): {row}");
        }
    }
}

#[test]
fn the_table_adds_up_and_one_instance_costs_less_than_four_dollars() {
    let page = page();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 7).collect();
    let (sum, rows) = rows[1..].split_last().unwrap();
    let mut total = [0.0; 3];
    for row in rows.iter().filter(|row| !row.starts_with("| ---")) {
        for (total, amount) in total.iter_mut().zip(amounts(row)) {
            *total += amount;
        }
    }
    let told = amounts(sum);
    // Each row is rounded by itself.
    assert!(told.iter().zip(total).all(|(told, total)| (told - total).abs() <= 0.06), "{total:?}: {sum}");
    assert!(told[0] < 4.0, "{sum}");
}
