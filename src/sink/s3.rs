//! Amazon S3: one JSON document per snapshot, and one per run.

use std::collections::VecDeque;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::aws::fault::failure;
use crate::aws::object;
use crate::aws::pages::Pages;
use crate::aws::s3_client;
use crate::model::{Fault, FaultKind};
use crate::report::Report;
use crate::sink::Stored;
use crate::snapshot::{ACCOUNT_KEY, Snapshot};

/// How many days back the last snapshot is looked for. A monitor that was silent for longer tells
/// everything anew.
const DAYS_BACK: i64 = 3;
/// A run a minute leaves two pages a day.
const MOST_PAGES: usize = 20;

/// As faults name them.
pub(super) const PUT: &str = "s3:PutObject";
pub(super) const LIST: &str = "s3:ListObjectsV2";

#[derive(Debug, Clone)]
pub struct S3 {
    client: Client,
    bucket: String,
}

impl S3 {
    #[must_use]
    pub fn new(sdk: &SdkConfig, bucket: &str, path_style: bool) -> Self {
        Self { client: s3_client(sdk, path_style), bucket: bucket.to_owned() }
    }

    /// Writes, or writes again, the document of a snapshot.
    ///
    /// # Errors
    /// The fault of `PutObject`.
    pub async fn put(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        self.write(&snapshot_key(snapshot), snapshot).await
    }

    /// Writes the report of a run.
    ///
    /// # Errors
    /// The fault of `PutObject`.
    pub async fn put_report(&self, report: &Report, now: Timestamp) -> Result<(), Fault> {
        let key = format!("connect-reports/{}/execution-summary-{}.json", day(now), stamp(now));
        self.write(&key, report).await
    }

    async fn write(&self, key: &str, document: &impl Serialize) -> Result<(), Fault> {
        let body = serde_json::to_vec(document).map_err(|e| Fault::new(PUT, FaultKind::Invalid, e.to_string()))?;
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("application/json")
            .body(ByteStream::from(body))
            .send()
            .await
            .map(|_| ())
            .map_err(|e| failure(&e).into_fault(PUT))
    }

    /// The newest documents of an instance, or of the account: newest first, at most `most`.
    ///
    /// # Errors
    /// The fault of `ListObjectsV2` or `GetObject`; a document that cannot be read is one too.
    pub async fn newest(&self, instance: &str, now: Timestamp, most: usize) -> Result<Vec<Stored>, Fault> {
        let mut found = Vec::new();
        for back in 0..=DAYS_BACK {
            let prefix = snapshot_prefix(instance, now - SignedDuration::from_hours(24 * back));
            for key in self.last_keys(&prefix, most - found.len()).await? {
                found.push(self.read(&key).await?);
            }
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }

    /// Newest first.
    async fn last_keys(&self, prefix: &str, most: usize) -> Result<Vec<String>, Fault> {
        let mut newest = VecDeque::new();
        let mut pages = Pages::at_most(LIST.to_owned(), MOST_PAGES);
        // Keys come in order, so the last ones of the last page are the newest.
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let sent = request.set_continuation_token(pages.token()).send().await;
            let page = sent.map_err(|e| failure(&e).into_fault(LIST))?;
            for key in page.contents().iter().filter_map(|o| o.key()) {
                newest.push_front(key.to_owned());
                newest.truncate(most);
            }
            if !pages.advance(page.next_continuation_token)? {
                return Ok(newest.into());
            }
        }
    }

    async fn read(&self, key: &str) -> Result<Stored, Fault> {
        let bytes = object::read(&self.client, &self.bucket, key, None).await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| Fault::new(object::OPERATION, FaultKind::BadResponse, format!("{key}: {e}")))
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y/%m/%d").to_string()
}

fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn snapshot_prefix(instance: &str, time: Timestamp) -> String {
    let what =
        if instance == ACCOUNT_KEY { "account-metrics-".to_owned() } else { format!("instance-metrics-{instance}-") };
    format!("connect-metrics/{}/{what}", day(time))
}

fn snapshot_key(snapshot: &Snapshot) -> String {
    // A snapshot's own timestamp has whole seconds and is always valid.
    let time = snapshot.timestamp.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{}{}.json", snapshot_prefix(&snapshot.instance_id, time), stamp(time))
}
