//! Reading an S3 object to its end.

use aws_sdk_s3::Client;

use super::fault::failure;
use crate::model::{Fault, FaultKind};

/// As faults name it.
pub const OPERATION: &str = "s3:GetObject";
/// The SDK repeats a call that failed, and not one whose body broke off on the way.
const ATTEMPTS: u32 = 3;

/// The object's bytes, at most so many.
///
/// # Errors
/// The fault of `GetObject`.
pub async fn read(client: &Client, bucket: &str, key: &str, most: Option<i64>) -> Result<Vec<u8>, Fault> {
    let bad = |why: String| Fault::new(OPERATION, FaultKind::BadResponse, format!("{key}: {why}"));
    let mut attempt = 1;
    loop {
        let sent = client.get_object().bucket(bucket).key(key).send().await;
        let object = sent.map_err(|e| failure(&e).into_fault(OPERATION))?;
        if let (Some(bytes), Some(most)) = (object.content_length, most)
            && bytes > most
        {
            return Err(bad(format!("the object has {bytes} bytes, expected at most {most}")));
        }
        match object.body.collect().await {
            Ok(body) => return Ok(body.to_vec()),
            Err(error) if attempt == ATTEMPTS => {
                return Err(bad(format!("the body broke off: {error} (after {attempt} attempts)")));
            }
            Err(_) => attempt += 1,
        }
    }
}
