//! `QUOTA_OVERRIDES` that stand somewhere else: `ssm:<parameter>` or `s3://<bucket>/<key>`.
//!
//! The text is read once, when the process starts, and is then treated as if it stood in the variable.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use tokio::time::timeout;

use super::fault::failure;
use super::{has_own_s3_endpoint, object, s3_client};
use crate::config::{Config, ConfigError};
use crate::domain::{Fault, FaultKind};

/// The variable that may be a reference.
const VARIABLE: &str = "QUOTA_OVERRIDES";
/// Lambda gives a start ten seconds in all; a hanging network must become an error before.
const PATIENCE: Duration = Duration::from_secs(7);
/// Short enough for a second attempt.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Far more than any rules take, and nothing that hurts the function's memory.
const MOST_BYTES: i64 = 1024 * 1024;
const GET_PARAMETER: &str = "ssm:GetParameter";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    /// The name or ARN of a parameter.
    Parameter(String),
    Object {
        bucket: String,
        key: String,
    },
}

impl Reference {
    /// None where the text is no reference.
    fn parse(text: &str) -> Option<Result<Self, String>> {
        if let Some(name) = text.strip_prefix("ssm:") {
            let parameter = Self::Parameter(name.to_owned());
            return Some(if name.is_empty() { Err("expected ssm:<name or ARN>".to_owned()) } else { Ok(parameter) });
        }
        let rest = text.strip_prefix("s3://")?;
        Some(match rest.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self::Object { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err("expected s3://<bucket>/<key>".to_owned()),
        })
    }

    fn operation(&self) -> &'static str {
        match self {
            Self::Parameter(_) => GET_PARAMETER,
            Self::Object { .. } => object::OPERATION,
        }
    }

    async fn read(&self, sdk: &SdkConfig, path_style: bool) -> Result<String, Fault> {
        let timeouts = TimeoutConfig::builder().connect_timeout(ATTEMPT).operation_attempt_timeout(ATTEMPT).build();
        let sdk = &sdk.to_builder().timeout_config(timeouts).build();
        match self {
            Self::Parameter(name) => parameter(sdk, name).await,
            Self::Object { bucket, key } => read_object(sdk, path_style, bucket, key).await,
        }
    }
}

/// The configuration of an environment, after a reference in it has been read.
///
/// # Errors
/// Every bad variable, as [`Config::from_lookup`] has it; a reference that cannot be read is one.
pub async fn configuration(sdk: &SdkConfig, lookup: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let text = lookup(VARIABLE).map(|v| v.trim().to_owned()).unwrap_or_default();
    let Some(reference) = Reference::parse(&text) else { return Config::from_lookup(lookup) };
    let operation = reference.as_ref().map_or("", Reference::operation);
    let read = match reference {
        Err(why) => Err(why),
        Ok(_) if sdk.region().is_none() => Err("there is no AWS Region to read it from".to_owned()),
        Ok(reference) => match timeout(PATIENCE, reference.read(sdk, has_own_s3_endpoint(&lookup))).await {
            Ok(read) => read.map_err(|fault| fault.to_string()),
            Err(_) => Err(format!("{operation} timeout: no answer within {} s", PATIENCE.as_secs())),
        },
    };
    let (content, failed) = match read {
        Ok(content) => (Some(content), None),
        Err(why) => (None, Some(format!("{VARIABLE}=`{text}`: {why}"))),
    };
    let config =
        Config::from_lookup(|name| if name == VARIABLE { content.clone() } else { lookup(name) }).map_err(|error| {
            // Line and column are those of what was read, so say what that was.
            let inline = format!("{VARIABLE}: ");
            let named = |p: String| match p.strip_prefix(&inline) {
                Some(rest) => format!("{VARIABLE}=`{text}`: {rest}"),
                None => p,
            };
            ConfigError(error.0.into_iter().map(named).collect())
        });
    match (config, failed) {
        (config, None) => config,
        (Ok(_), Some(why)) => Err(ConfigError(vec![why])),
        (Err(mut error), Some(why)) => {
            error.0.push(why);
            Err(error)
        }
    }
}

async fn parameter(sdk: &SdkConfig, name: &str) -> Result<String, Fault> {
    let output = aws_sdk_ssm::Client::new(sdk)
        .get_parameter()
        .name(name)
        .with_decryption(true)
        .send()
        .await
        .map_err(|e| failure(&e).into_fault(GET_PARAMETER))?;
    let value = output.parameter.and_then(|p| p.value);
    value.ok_or_else(|| Fault::new(GET_PARAMETER, FaultKind::BadResponse, "an answer without a value"))
}

async fn read_object(sdk: &SdkConfig, path_style: bool, bucket: &str, key: &str) -> Result<String, Fault> {
    let bytes = object::read(&s3_client(sdk, path_style), bucket, key, Some(MOST_BYTES)).await?;
    let no_text = |_| Fault::new(object::OPERATION, FaultKind::BadResponse, "the object is no UTF-8 text");
    String::from_utf8(bytes).map_err(no_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_text() {
        let parameter = |name: &str| Some(Ok(Reference::Parameter(name.to_owned())));
        assert_eq!(Reference::parse("ssm:/connect/overrides"), parameter("/connect/overrides"));
        let arn = "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/overrides";
        assert_eq!(Reference::parse(&format!("ssm:{arn}")), parameter(arn));
        let object = Reference::Object { bucket: "b".to_owned(), key: "a/k.json".to_owned() };
        assert_eq!(Reference::parse("s3://b/a/k.json"), Some(Ok(object)));
        for bad in ["ssm:", "s3://", "s3://b", "s3://b/", "s3:///k"] {
            assert!(matches!(Reference::parse(bad), Some(Err(_))), "{bad}");
        }
        for text in ["", "{}", "{\"ssm:x\": {}}"] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
