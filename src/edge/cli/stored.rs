//! Reading a stored report: a file, an object of S3, or the latest of this account and Region.

use std::fs;

use super::decode;
use crate::answer::stored::{EXPECTED, StoredReport};
use crate::aws::{self, Aws, SdkConfig, object};
use crate::domain::console;
use crate::run::error::RunError;

/// More than any report that the function writes; a mistyped name must not fill the memory.
const MOST_BYTES: i64 = 100_000_000;

/// Where `latest` is, and how S3 is reached.
pub(super) struct Place<'a, L> {
    pub region: Option<&'a str>,
    pub profile: Option<&'a str>,
    pub lookup: &'a L,
}

/// Reads `from`: `latest`, `s3://bucket/key`, or the name of a file.
///
/// # Errors
/// What was expected instead, as a sentence that names `from`.
pub(super) async fn read<L: Fn(&str) -> Option<String>>(
    from: &str,
    place: &Place<'_, L>,
) -> Result<StoredReport, String> {
    let text = match from.strip_prefix("s3://") {
        Some(rest) => {
            let (bucket, key) = rest
                .split_once('/')
                .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
                .ok_or_else(|| format!("{from}: expected s3://BUCKET/KEY"))?;
            object_of(&sdk(place).await?, bucket, key, place).await?
        }
        None if from == "latest" => latest(place).await?,
        None => file(from)?,
    };
    StoredReport::parse(text).map_err(|why| format!("{from}: {why}"))
}

/// The text of a fleet's report: a file, an object, or the newest of the hub's bucket.
///
/// # Errors
/// What was expected instead, as a sentence that names `from`.
pub(super) async fn fleet<L: Fn(&str) -> Option<String>>(from: &str, place: &Place<'_, L>) -> Result<String, String> {
    if let Some(rest) = from.strip_prefix("s3://") {
        let (bucket, key) = rest
            .split_once('/')
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| format!("{from}: expected s3://BUCKET/KEY"))?;
        return object_of(&sdk(place).await?, bucket, key, place).await;
    }
    if from != "latest" {
        return file(from);
    }
    let sdk = sdk(place).await?;
    let config = aws::reference::configuration(&sdk, place.lookup).await.map_err(|error| error.to_string())?;
    let Some(bucket) = config.s3_bucket.clone() else {
        return Err("latest: needs USE_S3_STORAGE=true and S3_BUCKET, the bucket of the fleet's hub".to_owned());
    };
    object_of(&sdk, &bucket, crate::fleet::key::REPORT, place).await
}

fn file(name: &str) -> Result<String, String> {
    let about = |what: String| format!("{name}: {what}; {EXPECTED}");
    let size = fs::metadata(name).map_err(|error| about(error.to_string()))?.len();
    if i64::try_from(size).unwrap_or(i64::MAX) > MOST_BYTES {
        return Err(about(format!("the file has {size} bytes, and a report has at most {MOST_BYTES}")));
    }
    let bytes = fs::read(name).map_err(|error| about(error.to_string()))?;
    decode::text(bytes).map_err(about)
}

/// The report that the function wrote last.
async fn latest<L: Fn(&str) -> Option<String>>(place: &Place<'_, L>) -> Result<String, String> {
    let sdk = sdk(place).await?;
    let config = aws::reference::configuration(&sdk, place.lookup).await.map_err(|error| error.to_string())?;
    let Some(bucket) = config.s3_bucket.clone() else {
        return Err("latest: needs USE_S3_STORAGE=true and S3_BUCKET, the bucket of the monitor's stack".to_owned());
    };
    let hour = tokio::time::Instant::now() + std::time::Duration::from_secs(3600);
    let account = Aws::new(&sdk, &config).account(&[], hour).await.map_err(|fault| fault.to_string())?;
    let key = console::latest(&account.id, &account.region, "report.json");
    object_of(&sdk, &bucket, &key, place).await
}

async fn sdk<L>(place: &Place<'_, L>) -> Result<SdkConfig, String> {
    let sdk = aws::ambient(place.region.map(str::to_owned), place.profile.map(str::to_owned)).await;
    super::end::in_a_region(sdk).map_err(|error: RunError| error.to_string())
}

async fn object_of<L: Fn(&str) -> Option<String>>(
    sdk: &SdkConfig,
    bucket: &str,
    key: &str,
    place: &Place<'_, L>,
) -> Result<String, String> {
    let about = |what: String| format!("s3://{bucket}/{key}: {what}; {EXPECTED}");
    let client = aws::s3_client(sdk, aws::has_own_s3_endpoint(place.lookup));
    let read = object::read(&client, bucket, key, Some(MOST_BYTES)).await;
    let bytes = read.map_err(|fault| match fault.answered.error_code.as_deref() {
        Some("NoSuchKey") => about("no run has written this object, or it is another account's or Region's".to_owned()),
        _ => about(fault.to_string()),
    })?;
    decode::text(bytes).map_err(about)
}
