//! Amazon S3: one JSON document per snapshot, one per run, and one ledger per subject where there is no table.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::aws::fault::failure;
use crate::aws::pages::Pages;
use crate::aws::{object, s3_client};
use crate::domain::console::latest;
use crate::domain::snapshot::{ACCOUNT_KEY, Snapshot};
use crate::domain::{Fault, FaultKind, Owner};
use crate::keep::ledger::{MOST_BYTES, Version, Written};
use crate::ledger::Ledger;

/// As faults name it.
pub(super) const PUT: &str = "s3:PutObject";
pub(super) const LIST: &str = "s3:ListBucket";

/// AWS's code for an object that does not exist.
const NO_SUCH_KEY: &str = "NoSuchKey";

/// So many days before a time a snapshot is looked for; each is a listing of its own.
const DAYS_BACK: i64 = 7;
/// Bytes; more than any snapshot.
const MOST_OF_SNAPSHOT: i64 = 20_000_000;

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
    pub async fn put_report(&self, owner: &Owner, report: &impl Serialize, now: Timestamp) -> Result<(), Fault> {
        let folder = format!("connect-reports/{}/{}/{}", owner.account_id, owner.region, day(now));
        self.write(&format!("{folder}/execution-summary-{}.json", stamp(now)), report).await
    }

    /// Writes a document of the latest run over the one before.
    ///
    /// # Errors
    /// The fault of `PutObject`.
    pub async fn put_latest(&self, owner: &Owner, name: &str, kind: &str, body: String) -> Result<(), Fault> {
        let key = latest(&owner.account_id, &owner.region, name);
        let request = self.request(&key, body.into_bytes()).content_type(kind);
        request.send().await.map(|_| ()).map_err(|e| failure(&e).into_fault(PUT))
    }

    /// Writes an object, of a fleet's own.
    ///
    /// # Errors
    /// The fault of `PutObject`.
    pub async fn put_object(&self, key: &str, kind: &str, body: Vec<u8>) -> Result<(), Fault> {
        let request = self.request(key, body).content_type(kind);
        request.send().await.map(|_| ()).map_err(|e| failure(&e).into_fault(PUT))
    }

    /// Reads an object of at most so many bytes, and its tag; none where there is no such object.
    ///
    /// # Errors
    /// The fault of `GetObject`.
    pub async fn object(&self, key: &str, most: i64) -> Result<Option<(Vec<u8>, String)>, Fault> {
        match object::read_version(&self.client, &self.bucket, key, Some(most)).await {
            Err(fault) if fault.answered.error_code.as_deref() == Some(NO_SUCH_KEY) => Ok(None),
            Err(fault) => Err(fault),
            Ok(object) => Ok(Some((object.bytes, object.etag.unwrap_or_default()))),
        }
    }

    /// Writes an object where it is still the one of this tag; the new tag, or none where somebody else has written it.
    ///
    /// # Errors
    /// The fault of `PutObject`.
    pub async fn put_if_still(&self, key: &str, body: Vec<u8>, known: Option<&str>) -> Result<Option<String>, Fault> {
        let request = self.request(key, body);
        let request = match known {
            Some(etag) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(output) => Ok(Some(output.e_tag.unwrap_or_default())),
            Err(e) if is_unmet(e.code()) => Ok(None),
            Err(e) => Err(failure(&e).into_fault(PUT)),
        }
    }

    async fn write(&self, key: &str, document: &impl Serialize) -> Result<(), Fault> {
        self.request(key, json(document)?).send().await.map(|_| ()).map_err(|e| failure(&e).into_fault(PUT))
    }

    fn request(&self, key: &str, body: Vec<u8>) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        request.content_type("application/json").body(ByteStream::from(body))
    }

    /// The ledger of an instance, or of the account, and its version.
    ///
    /// # Errors
    /// The fault of `GetObject`; a document that cannot be read, or is not ours to read, is one too.
    pub async fn ledger(&self, owner: &Owner, instance_id: &str) -> Result<Option<(Ledger, Version)>, Fault> {
        let key = ledger_key(owner, instance_id);
        let unreadable =
            |why: String| Fault::new(object::OPERATION, FaultKind::BadResponse, format!("the ledger {key}: {why}"));
        let most = i64::try_from(MOST_BYTES).unwrap_or(i64::MAX);
        let object = match object::read_version(&self.client, &self.bucket, &key, Some(most)).await {
            Err(fault) if fault.answered.error_code.as_deref() == Some(NO_SUCH_KEY) => return Ok(None),
            read => read?,
        };
        let ledger: Ledger = serde_json::from_slice(&object.bytes).map_err(|e| unreadable(e.to_string()))?;
        ledger.check(owner, instance_id).map_err(&unreadable)?;
        let etag = object.etag.ok_or_else(|| unreadable("the answer has no ETag".to_owned()))?;
        Ok(Some((ledger, Version::Tag(etag))))
    }

    /// The newest snapshot of an instance, or of the account, at or before a time, and at most a week before it; none
    /// where there is none.
    ///
    /// # Errors
    /// The fault of `ListObjectsV2` or of `GetObject`.
    pub async fn snapshot_at(&self, owner: &Owner, instance_id: &str, at: Timestamp) -> Result<Option<Value>, Fault> {
        for back in 0..=DAYS_BACK {
            let Ok(time) = at.checked_sub(SignedDuration::from_hours(24 * back)) else { break };
            let folder = snapshot_prefix(owner, instance_id, time);
            let last = format!("{folder}{}.json", stamp(at));
            // Of ids that begin alike another one's keys are longer.
            let keys = self.keys(&folder).await?.into_iter();
            let Some(key) = keys.filter(|key| key.len() == last.len() && *key <= last).max() else { continue };
            let bytes = object::read(&self.client, &self.bucket, &key, Some(MOST_OF_SNAPSHOT)).await?;
            let bad = |e: serde_json::Error| {
                Fault::new(object::OPERATION, FaultKind::BadResponse, format!("{key} is no snapshot: {e}"))
            };
            return serde_json::from_slice(&bytes).map(Some).map_err(bad);
        }
        Ok(None)
    }

    /// Every key that begins so.
    ///
    /// # Errors
    /// The fault of `ListObjectsV2`.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let mut keys = Vec::new();
        let mut pages = Pages::new(LIST.to_owned());
        loop {
            let sent = request.clone().set_continuation_token(pages.token()).send().await;
            let page = sent.map_err(|e| failure(&e).into_fault(LIST))?;
            keys.extend(page.contents.into_iter().flatten().filter_map(|object| object.key));
            if !pages.advance(page.next_continuation_token)? {
                return Ok(keys);
            }
        }
    }

    /// Tries a write that asks for a version that no object has: it stores nothing, and tells whether one may write.
    ///
    /// # Errors
    /// The fault of `PutObject`; that the bucket took the object is one too.
    pub async fn try_write(&self, owner: &Owner) -> Result<(), Fault> {
        let request = self.request(&ledger_key(owner, "doctor"), Vec::new()).if_match("\"no-object-has-this-tag\"");
        match request.send().await {
            Ok(_) => Err(Fault::new(PUT, FaultKind::BadResponse, "a write whose condition cannot hold was accepted")),
            Err(e) if is_unmet(e.code()) => Ok(()),
            Err(e) => Err(failure(&e).into_fault(PUT)),
        }
    }

    /// Writes a ledger, unless somebody else has written it since `known` was read.
    ///
    /// # Errors
    /// The fault of `PutObject`.
    pub async fn write_ledger(&self, ledger: &Ledger, known: &Version) -> Result<Written, Fault> {
        let owner = Owner { account_id: ledger.account_id.clone(), region: ledger.region.clone() };
        let key = ledger_key(&owner, &ledger.instance_id);
        let body = json(ledger)?;
        if body.len() > MOST_BYTES {
            // What is larger would not be read again.
            let bytes = body.len();
            let why = format!(
                "the ledger {key} would have {bytes} bytes, and at most {MOST_BYTES} are read: let several functions \
                 watch parts of the instances (INCLUDE_INSTANCES)"
            );
            return Err(Fault::new(PUT, FaultKind::Invalid, why));
        }
        let request = self.request(&key, body);
        let request = match known {
            Version::Tag(etag) => request.if_match(etag),
            Version::Missing | Version::Number(_) => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(output) => {
                let without = || Fault::new(PUT, FaultKind::BadResponse, "an answer without an ETag");
                Ok(Written::As(Version::Tag(output.e_tag.ok_or_else(without)?)))
            }
            // Somebody wrote it, is writing it, or deleted it.
            Err(e) if is_unmet(e.code()) => Ok(Written::Conflict),
            Err(e) => Err(failure(&e).into_fault(PUT)),
        }
    }
}

/// AWS's codes for a conditional write whose condition does not hold.
fn is_unmet(code: Option<&str>) -> bool {
    matches!(code, Some("PreconditionFailed" | "ConditionalRequestConflict" | "MissingKey" | NO_SUCH_KEY))
}

fn json(document: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(document).map_err(|e| Fault::new(PUT, FaultKind::Invalid, e.to_string()))
}

fn ledger_key(owner: &Owner, instance_id: &str) -> String {
    format!("connect-ledger/{}/{}/{instance_id}.json", owner.account_id, owner.region)
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y/%m/%d").to_string()
}

fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn snapshot_key(snapshot: &Snapshot) -> String {
    // A snapshot's own timestamp has whole seconds and is always valid.
    let time = snapshot.timestamp.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let owner = Owner { account_id: snapshot.account_id.clone(), region: snapshot.region.clone() };
    format!("{}{}.json", snapshot_prefix(&owner, &snapshot.instance_id, time), stamp(time))
}

/// What the keys of a subject's snapshots of one UTC day begin with, up to their time.
fn snapshot_prefix(owner: &Owner, instance_id: &str, time: Timestamp) -> String {
    let what = if instance_id == ACCOUNT_KEY {
        "account-metrics".to_owned()
    } else {
        format!("instance-metrics-{instance_id}")
    };
    format!("connect-metrics/{}/{}/{}/{what}-", owner.account_id, owner.region, day(time))
}
