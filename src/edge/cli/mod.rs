//! The command line: the same measurement with the caller's own credentials.

mod alarms;
mod cells;
mod decode;
mod diff;
mod doctor;
mod end;
mod evidence;
mod explain;
mod fit;
mod fit_forms;
mod fleet;
mod history;
mod live;
mod outlet;
mod quotas;
mod report;
mod stored;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use tracing::warn;

use crate::answer::stored::StoredReport;
use crate::aws;
use crate::aws::cells::Cells;
use crate::config::overrides::{Asked, find_quota};
use crate::config::{Config, ConfigError, Pacing};
use crate::domain::request::Request;
use crate::edge::logging;
use crate::run::error::RunError;
use end::{Output, Whose, fail, in_a_region, print_json, printed};
pub use live::watch;
use outlet::{Form, Outlet};

const AFTER_HELP: &str = "\
Exit codes of `check`:
  0  every quota is below its threshold
  1  a quota is at or above its threshold, even if others could not be measured
  2  something could not be measured
  3  the run failed, or the arguments are wrong

The variables of the Lambda function (THRESHOLD_PERCENTAGE, QUOTA_OVERRIDES, ...) are read here too;
an argument wins over its variable.";

#[derive(Parser)]
#[command(name = "connect-quota-monitor", version, about, long_about = None, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure every Amazon Connect instance against its quotas, once
    #[command(after_help = AFTER_HELP)]
    Check(Check),
    /// Render a stored answer again; exit codes as for `check`
    #[command(after_help = AFTER_HELP)]
    Report(report::ReportArgs),
    /// Print the alarms on API usage and on instances as code, from a live reading
    Alarms(alarms::AlarmsArgs),
    /// Compare two answers of `check --output json`, or the store's reports with those of a time ago. Measures nothing.
    /// Exits with 0, with 1 where something is new or worse, or with 3 where they cannot be compared
    Diff(diff::DiffArgs),
    /// Look whether everything is in place: permissions, stores, subscriptions, last run; changes nothing.
    /// Exits with 0, or with 2 where something is broken
    Doctor(doctor::DoctorArgs),
    /// Print what to paste into a request for a higher limit: peak, trend, users, from a stored report
    Evidence(evidence::EvidenceArgs),
    /// Will a Terraform plan, a CloudFormation template or a CDK assembly fit below the quotas?
    Fit(fit::FitArgs),
    /// Show the fleet of a hub as its last digest saw it; exit codes as for `check`
    #[command(after_help = AFTER_HELP)]
    Fleet(fleet::FleetArgs),
    /// Show the days that the stores remember of a quota, its growth and its limits; measures nothing
    History(history::HistoryArgs),
    /// Show which quotas are measured and how, and which cannot be and why; calls no AWS
    Quotas(quotas::Quotas),
    /// Show which rules of QUOTA_OVERRIDES apply to a quota, and which one wins. Measures nothing;
    /// AWS is called only where the variable is a reference (ssm: or s3://)
    Explain(Explain),
}

#[derive(Args)]
struct Explain {
    /// Code or exact name of the quota
    #[arg(long, value_name = "CODE-OR-NAME")]
    quota: String,
    /// Id or alias of the instance
    #[arg(long, value_name = "ID-OR-ALIAS")]
    instance: Option<String>,
    /// Alias of the instance, where --instance gives its id
    #[arg(long, requires = "instance")]
    alias: Option<String>,
    /// AWS Region of a reference [default: from the environment or the profile]
    #[arg(long)]
    region: Option<String>,
    /// Named profile of the AWS configuration files, for a reference
    #[arg(long)]
    profile: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Args)]
struct Check {
    #[command(flatten)]
    whose: Whose,
    /// These Regions side by side, with commas between, instead of one
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = a_region, conflicts_with_all = ["region", "instances"])]
    regions: Vec<String>,
    /// Look with this role, of another account perhaps
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    role_arn: Option<String>,
    /// What the role's trust policy asks for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
    /// Only this instance id; may be given more than once
    #[arg(long = "instance", value_name = "ID")]
    instances: Vec<String>,
    /// Warn at this percentage of a limit [default: THRESHOLD_PERCENTAGE, or 80]
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    threshold: Option<f64>,
    /// How the documented throttling limits are read [default: CONNECT_PACING, or account]
    #[arg(long)]
    pacing: Option<PacingArg>,
    #[command(flatten)]
    outlet: Outlet,
    /// Store snapshots where USE_DYNAMODB, DYNAMODB_TABLE, USE_S3_STORAGE and S3_BUCKET say
    #[arg(long)]
    store: bool,
    /// Send alerts to ALERT_SNS_TOPIC_ARN, and events to EVENTS_SNS_TOPIC_ARN and EVENT_BUS_NAME
    #[arg(long)]
    alert: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum PacingArg {
    /// Two buckets for the whole account and Region
    Account,
    /// One bucket for each operation
    PerOperation,
}

fn percentage(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (1.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 1 to 100".to_owned()),
    }
}

fn a_region(text: &str) -> Result<String, String> {
    crate::domain::target::region(text).map(|()| text.to_owned()).map_err(|why| format!("it is {why}"))
}

fn role_arn(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, role] if partition.starts_with("aws") && role.starts_with("role/") => {
            crate::domain::target::account_id(account)
                .map(|()| text.to_owned())
                .map_err(|why| format!("its account is {why}"))
        }
        _ => Err("expected arn:<partition>:iam::<account>:role/<name>".to_owned()),
    }
}

/// Runs the command line; `lookup` is the environment.
pub async fn main(lookup: impl Fn(&str) -> Option<String>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failure; a wrong argument is, and 2 means something else here.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 3 } else { 0 });
        }
    };
    logging::for_terminal(&lookup);
    match cli.command {
        Command::Check(args) if !args.regions.is_empty() || args.role_arn.is_some() => {
            let is_one = args.regions.iter().all(|region| args.regions.first() == Some(region));
            if let Some(why) = args.outlet.refuses_several().filter(|_| !is_one) {
                return fail("ArgumentError", why);
            }
            match check_cells(&args, &lookup).await {
                Ok(checked) => {
                    let form = Form { no_color: lookup("NO_COLOR").is_some() };
                    printed(checked.write(&args.outlet, &form), checked.exit_code())
                }
                Err(error) => fail(error.error_type(), &error.to_string()),
            }
        }
        Command::Check(args) => match check(&args, &lookup).await {
            Ok(report) => {
                let form = Form { no_color: lookup("NO_COLOR").is_some() };
                printed(args.outlet.write(&report, &form), report.exit_code())
            }
            Err(error) => fail(error.error_type(), &error.to_string()),
        },
        Command::Report(args) => report::main(&args, &lookup).await,
        Command::Alarms(args) => alarms::main(&args, &lookup).await,
        Command::Quotas(args) => quotas::main(&args),
        Command::Diff(args) => diff::main(&args, &lookup).await,
        Command::Evidence(args) => evidence::main(&args, &lookup).await,
        Command::Fit(args) => fit::main(&args, &lookup).await,
        Command::Fleet(args) => fleet::main(&args, &lookup).await,
        Command::History(args) => history::main(&args, &lookup).await,
        Command::Doctor(args) => doctor::main(&args, &lookup).await,
        Command::Explain(args) => explain(&args, &lookup).await,
    }
}

/// Prints which rules apply to a quota.
async fn explain(args: &Explain, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let quota = match find_quota(&args.quota) {
        Ok(quota) => quota,
        Err(why) => return fail("ArgumentError", &why),
    };
    let sdk = aws::ambient(args.region.clone(), args.profile.clone()).await;
    let config = match aws::reference::configuration(&sdk, lookup).await {
        Ok(config) => config,
        Err(error) => return fail("ConfigError", &error.to_string()),
    };
    let asked = Asked::new(args.instance.as_deref(), args.alias.as_deref());
    let percentages = (config.thresholds.warning, config.thresholds.critical);
    let told = match config.overrides.explain(&quota, &asked, percentages, Timestamp::now()) {
        Ok(told) => told,
        Err(why) => return fail("ArgumentError", &why),
    };
    let result = match args.output {
        Output::Json => print_json(&told),
        Output::Table => writeln!(io::stdout().lock(), "{}", explain::render(&told)),
    };
    printed(result, 0)
}

async fn check(args: &Check, lookup: &impl Fn(&str) -> Option<String>) -> Result<StoredReport, RunError> {
    let sdk = args.whose.sdk().await;
    let config = configuration(args, aws::reference::configuration(&sdk, lookup).await?)?;
    let sdk = in_a_region(sdk)?;
    for warning in config.overrides.warnings(Timestamp::now()) {
        warn!("QUOTA_OVERRIDES: {warning}");
    }
    live::measure(&sdk, &config, aws::has_own_s3_endpoint(lookup), &request(args)).await
}

fn request(args: &Check) -> Request {
    Request {
        dry_run: !args.store && !args.alert,
        instance_ids: args.instances.clone(),
        threshold_percentage: args.threshold,
        ..Request::default()
    }
}

/// The same for several Regions, or with a role.
async fn check_cells(args: &Check, lookup: &impl Fn(&str) -> Option<String>) -> Result<cells::Checked, RunError> {
    let region = args.whose.region.clone().or_else(|| args.regions.first().cloned());
    let sdk = aws::ambient(region, args.whose.profile.clone()).await;
    let config = configuration(args, aws::reference::configuration(&sdk, lookup).await?)?;
    let sdk = in_a_region(sdk)?;
    let mut regions = Vec::new();
    for region in &args.regions {
        if !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    if regions.is_empty() {
        regions.extend(sdk.region().map(ToString::to_string));
    }
    let of_person = Cells::of_person(&sdk, &config, args.role_arn.clone(), args.external_id.clone());
    let how = (of_person, aws::has_own_s3_endpoint(lookup));
    cells::measure(&sdk, &config, how, &request(args), &regions).await
}

/// The environment's configuration, with the arguments over it.
fn configuration(args: &Check, environment: Config) -> Result<Config, RunError> {
    let mut config = environment;
    if let Some(pacing) = args.pacing {
        config.pacing = match pacing {
            PacingArg::Account => Pacing::Account,
            PacingArg::PerOperation => Pacing::PerOperation,
        };
    }
    let mut missing = Vec::new();
    if args.store && config.dynamodb_table.is_none() && config.s3_bucket.is_none() {
        missing.push(
            "--store needs USE_DYNAMODB=true and DYNAMODB_TABLE, or USE_S3_STORAGE=true and S3_BUCKET".to_owned(),
        );
    }
    let can_alert = config.alert_topic_arn.is_some() || config.events_topic_arn.is_some() || config.event_bus.is_some();
    if args.alert && !can_alert {
        missing.push("--alert needs ALERT_SNS_TOPIC_ARN, EVENTS_SNS_TOPIC_ARN or EVENT_BUS_NAME".to_owned());
    }
    if !missing.is_empty() {
        return Err(RunError::Config(ConfigError(missing)));
    }
    if !args.store {
        (config.dynamodb_table, config.s3_bucket) = (None, None);
    }
    if !args.alert {
        (config.alert_topic_arn, config.events_topic_arn, config.event_bus) = (None, None, None);
    }
    // Alarms are the function's to keep, not those of whoever looks at the numbers.
    (config.alarms.apis, config.alarms.instances) = (false, false);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sinks_stay_silent_unless_asked_for() {
        let vars = |name: &str| match name {
            "USE_DYNAMODB" | "MANAGE_API_ALARMS" => Some("true".to_owned()),
            "DYNAMODB_TABLE" => Some("t".to_owned()),
            "ALERT_SNS_TOPIC_ARN" => Some("arn:aws:sns:us-east-1:111122223333:t".to_owned()),
            _ => None,
        };
        let args = |extra: &[&str]| {
            let Command::Check(args) = Cli::parse_from(["x", "check"].iter().chain(extra)).command else { panic!() };
            args
        };
        let environment = || Config::from_lookup(vars).unwrap();
        let config = configuration(&args(&[]), environment()).unwrap();
        assert!(config.dynamodb_table.is_none() && config.alert_topic_arn.is_none());
        let config = configuration(&args(&["--store", "--alert"]), environment()).unwrap();
        assert!(config.dynamodb_table.is_some() && config.alert_topic_arn.is_some());
        assert!(!config.alarms.manages(), "a check keeps no alarms");
        assert!(configuration(&args(&["--store"]), Config::default()).is_err());
    }
}
