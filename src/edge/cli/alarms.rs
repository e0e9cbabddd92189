//! `connect-quota-monitor alarms`: the alarms as code, for those who keep theirs that way.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::end::{Whose, fail, in_a_region, printed};
use crate::alarms::code;
use crate::aws::{self, Aws};
use crate::config::ConfigError;
use crate::domain::alarm::Alarm;
use crate::domain::request::Request;
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::run::{App, Moment};

#[derive(Args)]
pub(super) struct AlarmsArgs {
    #[command(flatten)]
    whose: Whose,
    /// The language of the code
    #[arg(long, value_enum)]
    format: Format,
    /// Which alarms
    #[arg(long, value_enum, default_value_t = Kind::All)]
    kind: Kind,
    /// Of the instances only this one; may be given more than once
    #[arg(long = "instance", value_name = "ID")]
    instances: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A template in JSON; CDK includes it with CfnInclude
    Cloudformation,
    /// A configuration for the aws provider
    Terraform,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Of the APIs in use, against their rates
    Api,
    /// Of the instances: concurrent calls, and rejected callers
    Instance,
    All,
}

/// Reads, and prints the code.
pub(super) async fn main(args: &AlarmsArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    match read(args, lookup).await {
        Ok(code) => printed(io::stdout().lock().write_all(code.as_bytes()), 0),
        Err(error) => fail(error.error_type(), &error.to_string()),
    }
}

async fn read(args: &AlarmsArgs, lookup: &impl Fn(&str) -> Option<String>) -> Result<String, RunError> {
    let sdk = args.whose.sdk().await;
    let mut config = aws::reference::configuration(&sdk, lookup).await?;
    let sdk = in_a_region(sdk)?;
    config.alarms.apis = args.kind != Kind::Instance;
    config.alarms.instances = args.kind != Kind::Api;
    let topic = config.alert_topic_arn.clone();
    // Nothing is stored or sent here.
    (config.dynamodb_table, config.s3_bucket) = (None, None);
    let sinks = Sinks::new(&sdk, &config, aws::has_own_s3_endpoint(lookup));
    let app = App::new(config.clone(), Aws::new(&sdk, &config), sinks);
    let request = Request { dry_run: true, instance_ids: args.instances.clone(), ..Request::default() };
    let hour = Duration::from_secs(3600);
    let moment = Moment::within(Timestamp::now(), hour);
    let alarms: Vec<Alarm> = app.alarms_as_code(&request, moment).await?;
    match args.format {
        Format::Cloudformation => {
            code::cloudformation(&alarms, topic.as_deref()).map_err(|why| RunError::Config(ConfigError(vec![why])))
        }
        Format::Terraform => Ok(code::terraform(&alarms, topic.as_deref())),
    }
}
