//! `check --regions`: several Regions of one account, side by side, one answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::outlet::{Form, Outlet};
use crate::answer::stored::StoredReport;
use crate::aws::cells::Cells;
use crate::aws::{Aws, SdkConfig};
use crate::config::Config;
use crate::domain::request::Request;
use crate::domain::snapshot::SCHEMA_VERSION;
use crate::domain::target::Target;
use crate::fleet::State;
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::run::{App, Moment};

/// What a check of several cells came to.
pub(super) struct Checked {
    pub seen: Vec<StoredReport>,
    /// Region, and why it could not be seen.
    pub unseen: Vec<(String, String)>,
}

/// Measures the Regions with the same credentials, or with those of a role.
///
/// # Errors
/// Where not one of them could be measured: all reasons.
pub(super) async fn measure(
    sdk: &SdkConfig,
    config: &Config,
    (cells, has_own_s3_endpoint): (Cells, bool),
    request: &Request,
    regions: &[String],
) -> Result<Checked, RunError> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(3600);
    let account_id = if let Some(account_id) = cells.account_of_role() {
        account_id
    } else {
        let account = Aws::new(sdk, config).account(&[], deadline).await;
        account.map_err(|fault| RunError::discovery(&fault))?.id
    };
    let mut app = App::new(config.clone(), Aws::new(sdk, config), Sinks::new(sdk, config, has_own_s3_endpoint));
    app.with_metrics = true;
    app.cells = Some(cells);
    let app = Arc::new(app);
    let mut running = JoinSet::new();
    for (place, region) in regions.iter().enumerate() {
        let target = Target { account_name: config.account_name.clone(), ..Target::new(&account_id, region) };
        let (app, request) = (Arc::clone(&app), Request { target: Some(target), ..request.clone() });
        running.spawn(async move {
            // A session of a role ends after an hour.
            let moment = Moment::within(Timestamp::now(), Duration::from_secs(3500));
            (place, Box::pin(app.run(&request, moment)).await)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(finished) = running.join_next().await {
        match finished {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    outcomes.sort_by_key(|(place, _)| *place);
    let mut checked = Checked { seen: Vec::new(), unseen: Vec::new() };
    let mut first_error = None;
    for (place, outcome) in outcomes {
        match outcome.and_then(|report| stored(&report)) {
            Ok(report) => checked.seen.push(report),
            Err(error) => {
                checked.unseen.push((regions[place].clone(), format!("{}: {error}", error.error_type())));
                first_error.get_or_insert(error);
            }
        }
    }
    match (checked.seen.is_empty(), first_error) {
        (true, Some(error)) if checked.unseen.len() == 1 => Err(error),
        (true, Some(_)) => {
            let all: Vec<String> = checked.unseen.iter().map(|(region, why)| format!("{region}: {why}")).collect();
            Err(RunError::Discovery(format!(
                "not one of {} Regions could be measured: {}",
                regions.len(),
                all.join("; ")
            )))
        }
        _ => Ok(checked),
    }
}

fn stored(report: &crate::answer::Report) -> Result<StoredReport, RunError> {
    let text = serde_json::to_string_pretty(report);
    let text = text.map_err(|error| RunError::Sink(format!("the answer cannot be written: {error}")))?;
    StoredReport::parse(text).map_err(|why| RunError::Sink(format!("the answer cannot be rendered: {why}")))
}

impl Checked {
    /// As `check` ends: 1 where a quota is over its threshold, 2 where something could not be seen, else 0.
    pub(super) fn exit_code(&self) -> u8 {
        let codes: Vec<u8> = self.seen.iter().map(StoredReport::exit_code).collect();
        if codes.contains(&1) {
            1
        } else if self.unseen.is_empty() && codes.iter().all(|code| *code == 0) {
            0
        } else {
            2
        }
    }

    /// Prints the answers as one.
    pub(super) fn write(&self, outlet: &Outlet, form: &Form) -> io::Result<()> {
        outlet.write_cells(&self.seen, &self.unseen, &self.json(), form)
    }

    fn json(&self) -> String {
        let cells: Vec<Value> = self.seen.iter().filter_map(|report| serde_json::from_str(&report.text).ok()).collect();
        let state = |why: &str| {
            let known = [State::NoRole, State::DeniedByPolicy, State::Denied, State::NotOptedIn, State::NotOffered];
            let known = known.into_iter().chain([State::Throttled, State::Timeout]);
            known
                .into_iter()
                .find(|state| why.contains(&format!("cannot be seen: {} ", state.as_str())))
                .unwrap_or(State::Failed)
        };
        let unseen: Vec<Value> = self
            .unseen
            .iter()
            .map(|(region, why)| json!({ "region": region, "state": state(why), "reason": why }))
            .collect();
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "kind": "cells",
            "violations": self.seen.iter().map(|report| report.violations).sum::<usize>(),
            "complete": self.unseen.is_empty() && self.seen.iter().all(|report| report.complete),
            "cells": cells,
            "unseen": unseen,
        });
        serde_json::to_string_pretty(&document).unwrap_or_else(|_| "{}".to_owned())
    }
}
