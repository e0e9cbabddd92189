//! Reading an S3 object to its end.

use aws_sdk_s3::Client;

use super::fault::failure;
use crate::domain::{Fault, FaultKind};

/// As faults name it.
pub const OPERATION: &str = "s3:GetObject";
/// The SDK repeats a call that failed, and not one whose body broke off on the way.
const ATTEMPTS: u32 = 3;

/// An object as it was read.
#[derive(Debug)]
pub struct Object {
    pub bytes: Vec<u8>,
    /// By which a conditional write names this very version.
    pub etag: Option<String>,
}

/// The object's bytes, at most so many.
///
/// # Errors
/// The fault of `GetObject`.
pub async fn read(client: &Client, bucket: &str, key: &str, most: Option<i64>) -> Result<Vec<u8>, Fault> {
    read_version(client, bucket, key, most).await.map(|object| object.bytes)
}

/// The object's bytes, at most so many, and which version of it they are.
///
/// # Errors
/// The fault of `GetObject`.
pub async fn read_version(client: &Client, bucket: &str, key: &str, most: Option<i64>) -> Result<Object, Fault> {
    let bad = |why: String| Fault::new(OPERATION, FaultKind::BadResponse, format!("{key}: {why}"));
    let mut attempt = 1;
    loop {
        let sent = client.get_object().bucket(bucket).key(key).send().await;
        let object = sent.map_err(|e| failure(&e).into_fault(OPERATION))?;
        let fits = |bytes: i64| match most {
            Some(most) if bytes > most => Err(bad(format!("the object has {bytes} bytes, expected at most {most}"))),
            _ => Ok(()),
        };
        fits(object.content_length.unwrap_or_default())?;
        let etag = object.e_tag;
        match object.body.collect().await {
            Ok(body) => {
                let bytes = body.to_vec();
                fits(i64::try_from(bytes.len()).unwrap_or(i64::MAX))?;
                return Ok(Object { bytes, etag });
            }
            Err(error) if attempt == ATTEMPTS => {
                return Err(bad(format!("the body broke off: {error} (after {attempt} attempts)")));
            }
            Err(_) => attempt += 1,
        }
    }
}
