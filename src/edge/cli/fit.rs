//! `connect-quota-monitor fit`: will a plan fit below the quotas?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::decode;
use super::end::{Whose, fail, in_a_region, printed, put};
use super::fit_forms as forms;
use super::live;
use super::stored::{self, Place};
use crate::answer::stored::{self as stored_report, StoredReport, Subject};
use crate::aws;
use crate::domain::Status;
use crate::domain::request::Request;
use crate::fit::{Changes, Line, Readings, Row, Verdict, asked, assess, instance_id, template, terraform};
use crate::run::error::RunError;

/// Larger than any plan, in bytes: a mistyped name must not fill the memory.
const MOST_BYTES: u64 = 200_000_000;
/// Stacks within stacks.
const DEEPEST: usize = 10;
const EXPECTED: &str = "expected the JSON of `terraform show -json PLANFILE`, a CloudFormation template in JSON or YAML, \
                        or the folder of a CDK assembly (cdk.out)";

#[derive(Args)]
pub(super) struct FitArgs {
    /// JSON of `terraform show -json`, a CloudFormation template, or a CDK assembly's folder; may be given more than once
    #[arg(long = "plan", value_name = "FILE")]
    plans: Vec<PathBuf>,
    /// So many more of something, such as users=300 or L-9A46857E=300; may be given more than once
    #[arg(long = "add", value_name = "NAME=N", required_unless_present = "plans")]
    adds: Vec<String>,
    /// Judge against a stored answer instead of measuring: a file, `s3://BUCKET/KEY`, or `latest`
    #[arg(long, value_name = "FILE|s3://BUCKET/KEY|latest")]
    from: Option<String>,
    /// Id of the instance for whatever does not name its own
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write to this file instead of printing
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Table,
    Json,
    Markdown,
    /// JUnit XML, for pipelines
    Junit,
}

pub(super) async fn main(args: &FitArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let mut changes = match planned(args) {
        Ok(changes) => changes,
        Err(why) => return fail("ArgumentError", &why),
    };
    let (report, warning) = match measured(args, lookup).await {
        Ok(found) => found,
        Err(error) => return fail(error.error_type(), &error.to_string()),
    };
    let readings = readings(&report);
    if let Some(id) = args.instance.as_deref() {
        let Some(id) = instance_id(id).filter(|id| readings.instances.iter().any(|(known, _)| known == id)) else {
            let known: Vec<&str> = readings.instances.iter().map(|(id, _)| id.as_str()).collect();
            return fail("ArgumentError", &format!("--instance {id}: the reading has {}", known.join(", ")));
        };
        changes.settle(&id);
    }
    let lines = assess(&changes, &readings, warning);
    let text = match args.output {
        Output::Table => forms::table(&lines, &changes),
        Output::Json => format!("{:#}\n", document(&lines, &changes, &report)),
        Output::Markdown => forms::markdown(&lines, &changes),
        Output::Junit => forms::junit(&lines, &changes),
    };
    let written = put(args.file.as_deref(), &text);
    printed(written, exit_code(&lines, &changes))
}

/// What the judgement needs of a report.
fn readings(report: &StoredReport) -> Readings {
    let rows = |seen: &Subject| seen.metrics.iter().flatten().map(reading_of).collect::<Vec<Row>>();
    Readings {
        account_id: report.account_id.clone(),
        region: report.region.clone(),
        account: rows(&report.account),
        instances: report.instances.iter().map(|i| (i.instance_id.to_ascii_lowercase(), rows(&i.seen))).collect(),
    }
}

fn reading_of(row: &stored_report::Row) -> Row {
    // A row that is not seen has no usage that could be believed, whatever else it holds.
    let is_seen = !matches!(row.status, Status::Unknown | Status::NotMeasurable);
    Row {
        key: row.key().to_owned(),
        service: row.service_code.clone(),
        usage: row.usage.filter(|_| is_seen),
        limit: row.limit,
        is_lower_bound: row.bound.as_deref() == Some("lower"),
        has_no_increase: row.adjustable == Some(false) || row.limit_source.as_deref() == Some("override"),
    }
}

/// 1 where something does not fit, 2 where something cannot be judged, else 0.
fn exit_code(lines: &[Line], changes: &Changes) -> u8 {
    let any = |verdict| lines.iter().any(|line| line.status == verdict);
    if any(Verdict::DoesNotFit) {
        1
    } else if any(Verdict::Unknown) || !changes.unread.is_empty() || !changes.unknown_types.is_empty() {
        2
    } else {
        0
    }
}

fn document(lines: &[Line], changes: &Changes, report: &StoredReport) -> Value {
    json!({
        "schema_version": 1,
        "account_id": report.account_id,
        "region": report.region,
        "read_at": report.started_at,
        "fits": exit_code(lines, changes) == 0,
        "quotas": lines,
        "unknown_types": changes.unknown_types,
        "uncounted_types": changes.uncounted_types,
        "resources_of_other_services": changes.others,
        "unread": changes.unread,
        "notes": changes.notes,
    })
}

/// The stored answer, or a new one; and the percentage of the warning.
async fn measured(args: &FitArgs, lookup: &impl Fn(&str) -> Option<String>) -> Result<(StoredReport, f64), RunError> {
    let sdk = args.whose.sdk().await;
    let mut config = aws::reference::configuration(&sdk, lookup).await?;
    let warning = config.thresholds.warning;
    if let Some(from) = &args.from {
        let place = Place { region: args.whose.region.as_deref(), profile: args.whose.profile.as_deref(), lookup };
        return stored::read(from, &place).await.map(|report| (report, warning)).map_err(RunError::Collection);
    }
    let sdk = in_a_region(sdk)?;
    (config.dynamodb_table, config.s3_bucket) = (None, None);
    (config.alert_topic_arn, config.events_topic_arn, config.event_bus) = (None, None, None);
    (config.alarms.apis, config.alarms.instances) = (false, false);
    let request = Request { dry_run: true, ..Request::default() };
    let report = live::measure(&sdk, &config, aws::has_own_s3_endpoint(lookup), &request).await?;
    Ok((report, warning))
}

fn planned(args: &FitArgs) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for plan in &args.plans {
        if plan.is_dir() {
            assembly(plan, &mut changes)?;
        } else {
            file(plan, &mut changes)?;
        }
    }
    for add in &args.adds {
        let (quota, number) = asked(add).map_err(|why| format!("--add {why}"))?;
        changes.ask(quota, number);
    }
    Ok(changes)
}

fn file(path: &Path, changes: &mut Changes) -> Result<(), String> {
    let text = read(path)?;
    let about = |why: String| format!("{}: {why}; {EXPECTED}", path.display());
    if text.trim_start().starts_with('{') {
        let json: Value = serde_json::from_str(&text).map_err(|error| about(format!("it is no JSON: {error}")))?;
        if json.get("format_version").is_some() {
            return terraform(&json, changes).map_err(about);
        }
    }
    stack(path, &text, changes, DEEPEST)
}

/// A template with the stacks that it nests.
fn stack(path: &Path, text: &str, changes: &mut Changes, deeper: usize) -> Result<(), String> {
    let nested = template(text, changes).map_err(|why| format!("{}: {why}; {EXPECTED}", path.display()))?;
    for inner in nested {
        let local = inner.file.map(|file| path.parent().unwrap_or(Path::new(".")).join(file));
        match local.filter(|file| deeper > 0 && file.is_file()) {
            Some(file) => stack(&file, &read(&file)?, changes, deeper - 1)?,
            None => changes.unread.push(format!("{}: the template of this nested stack is not here", inner.logical_id)),
        }
    }
    Ok(())
}

/// A CDK assembly: the templates that its manifest names, those of nested assemblies too.
fn assembly(folder: &Path, changes: &mut Changes) -> Result<(), String> {
    let path = folder.join("manifest.json");
    let about = |why: String| format!("{}: {why}; {EXPECTED}", path.display());
    let manifest: Value =
        serde_json::from_str(&read(&path)?).map_err(|error| about(format!("it is no JSON: {error}")))?;
    let artifacts = manifest["artifacts"].as_object().ok_or_else(|| about("it has no artifacts".to_owned()))?;
    let mut found = false;
    for artifact in artifacts.values() {
        let named = |property: &str| artifact["properties"][property].as_str().map(|name| folder.join(name));
        match artifact["type"].as_str() {
            Some("aws:cloudformation:stack") => {
                let file = named("templateFile").ok_or_else(|| about("a stack has no templateFile".to_owned()))?;
                stack(&file, &read(&file)?, changes, DEEPEST)?;
                found = true;
            }
            Some("cdk:cloud-assembly") => {
                let inner =
                    named("directoryName").ok_or_else(|| about("an assembly has no directoryName".to_owned()))?;
                // A manifest that names its own folder would never end.
                if inner.components().count() <= folder.components().count() {
                    return Err(about("an assembly names a folder outside of it".to_owned()));
                }
                assembly(&inner, changes)?;
                found = true;
            }
            _ => {}
        }
    }
    if found { Ok(()) } else { Err(about("it has no stack".to_owned())) }
}

fn read(path: &Path) -> Result<String, String> {
    let about = |why: String| format!("{}: {why}; {EXPECTED}", path.display());
    let size = fs::metadata(path).map_err(|error| about(error.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(about(format!("it has {size} bytes, and at most {MOST_BYTES} are read")));
    }
    let bytes = fs::read(path).map_err(|error| about(error.to_string()))?;
    if bytes.starts_with(b"PK") {
        return Err(about("it is a plan in Terraform's own format".to_owned()));
    }
    decode::text(bytes).map_err(about)
}
