//! S3: REST XML, with path-style and virtual-host-style addressing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use http::Method;

use crate::ids::hex32;
use crate::paging::{self, Quirk};
use crate::text::{base64, crc32, http_date, iso_time, percent_decode, unix_now, xml};
use crate::wire::{Answer, AwsError, Call, Context, respond, set_header};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A bucket and its objects, by key.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    pub objects: BTreeMap<String, Object>,
    /// Every request is refused, as by a bucket policy.
    pub denied: bool,
    /// The caller may not list: of a key that is not there S3 says 403, not 404.
    pub unlisted: bool,
}

impl Bucket {
    /// Puts an object there, as somebody else would have.
    pub fn put(&mut self, key: &str, text: &str) {
        let body = Bytes::copy_from_slice(text.as_bytes());
        let object = Object {
            etag: format!("\"{}\"", hex32(&body)),
            content_type: "application/json".to_owned(),
            last_modified: unix_now(),
            headers: BTreeMap::new(),
            body,
        };
        self.objects.insert(key.to_owned(), object);
    }
}

#[derive(Clone, Debug)]
pub struct Object {
    pub body: Bytes,
    pub content_type: String,
    pub etag: String,
    /// Unix seconds.
    pub last_modified: i64,
    /// The `x-amz-*` headers that it was put with, such as `x-amz-server-side-encryption`.
    pub headers: BTreeMap<String, String>,
}

/// The bucket and the key of a request, either of which may be empty.
fn address(call: &Call) -> (String, String) {
    let path = percent_decode(call.path.trim_start_matches('/'), false);
    let host = call.host.rsplit_once(':').map_or(call.host.as_str(), |(host, _)| host);
    // Longer suffixes first: `b.s3.us-east-1.amazonaws.com` ends in no shorter known one.
    let virtual_host = host
        .strip_suffix(".localhost")
        .or_else(|| host.strip_suffix(".127.0.0.1"))
        .or_else(|| host.strip_suffix(".amazonaws.com").and_then(|host| host.split_once(".s3").map(|(b, _)| b)));
    match virtual_host {
        Some(bucket) => (bucket.to_owned(), path),
        None => match path.split_once('/') {
            Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
            None => (path, String::new()),
        },
    }
}

pub(crate) fn operation(call: &Call) -> Result<String, AwsError> {
    let (bucket, key) = address(call);
    let operation = match (&call.method, bucket.is_empty(), key.is_empty()) {
        (&Method::PUT, false, false) => "PutObject",
        (&Method::GET, false, false) => "GetObject",
        (&Method::HEAD, false, false) => "HeadObject",
        (&Method::HEAD, false, true) => "HeadBucket",
        (&Method::GET, false, true) if call.param("list-type") == Some("2") => "ListObjectsV2",
        _ => {
            let message = "The specified method is not allowed against this resource.";
            return Err(AwsError::new(405, "MethodNotAllowed", message));
        }
    };
    Ok(operation.to_owned())
}

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let (bucket_name, key) = address(context.call);
    let owner = context.call.header("x-amz-expected-bucket-owner");
    let stranger = owner.is_some_and(|owner| owner != context.world.account_id);
    let Some(bucket) = context.world.buckets.get_mut(&bucket_name) else {
        return Err(AwsError::new(404, "NoSuchBucket", "The specified bucket does not exist"));
    };
    if bucket.denied || stranger {
        return Err(AwsError::new(403, "AccessDenied", "Access Denied"));
    }
    match context.operation {
        "PutObject" => put(context.call, bucket, key),
        "GetObject" | "HeadObject" => get(context.call, bucket, &key),
        "HeadBucket" => {
            let mut response = respond(200, "", Bytes::new());
            set_header(&mut response, "x-amz-bucket-region", &context.world.region);
            Ok(response)
        }
        _ => list(context.call, bucket, &bucket_name, (context.quirk, context.nonce)),
    }
}

fn put(call: &Call, bucket: &mut Bucket, key: String) -> Answer {
    if key.len() > 1024 {
        return Err(AwsError::new(400, "KeyTooLongError", "Your key is too long"));
    }
    let chunked = call.header("content-encoding").is_some_and(|coding| coding.contains("aws-chunked"))
        || call.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
    let (body, trailers) = if chunked {
        let incomplete = "You did not provide the number of bytes specified by the Content-Length HTTP header.";
        dechunk(&call.body).ok_or_else(|| AwsError::new(400, "IncompleteBody", incomplete))?
    } else {
        (call.body.clone(), BTreeMap::new())
    };
    let stated = trailers.get("x-amz-checksum-crc32").map(String::as_str);
    if let Some(stated) = stated.or_else(|| call.header("x-amz-checksum-crc32"))
        && stated != base64(&crc32(&body).to_be_bytes())
    {
        let message = "The CRC32 you specified did not match the calculated checksum.";
        return Err(AwsError::new(400, "BadDigest", message));
    }
    meets_conditions(call, bucket.objects.get(&key))?;
    let headers = call.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let about_the_request = ["x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amz-security-token"];
        let kept = name.starts_with("x-amz-") && !about_the_request.contains(&name);
        kept.then(|| Some((name.to_owned(), value.to_str().ok()?.to_owned()))).flatten()
    });
    let object = Object {
        etag: format!("\"{}\"", hex32(&body)),
        content_type: call.header("content-type").unwrap_or("binary/octet-stream").to_owned(),
        last_modified: unix_now(),
        headers: headers.collect(),
        body,
    };
    let mut response = respond(200, "", Bytes::new());
    set_header(&mut response, "etag", &object.etag);
    if let Some(encryption) = object.headers.get("x-amz-server-side-encryption") {
        set_header(&mut response, "x-amz-server-side-encryption", encryption);
    }
    bucket.objects.insert(key, object);
    Ok(response)
}

/// `If-None-Match: *` asks that there is no object yet, `If-Match` that it is still this one.
fn meets_conditions(call: &Call, object: Option<&Object>) -> Result<(), AwsError> {
    let is_missing = object.is_none();
    if let Some(etag) = call.header("if-match") {
        if is_missing {
            return Err(AwsError::new(404, "NoSuchKey", "The specified key does not exist."));
        }
        if object.is_some_and(|object| object.etag.trim_matches('"') != etag.trim_matches('"')) {
            return Err(precondition_failed());
        }
    }
    if call.header("if-none-match") == Some("*") && !is_missing {
        return Err(precondition_failed());
    }
    Ok(())
}

fn precondition_failed() -> AwsError {
    AwsError::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

/// A body in `aws-chunked` coding, and its trailers.
fn dechunk(coded: &Bytes) -> Option<(Bytes, BTreeMap<String, String>)> {
    let mut body = BytesMut::new();
    let mut rest = &coded[..];
    let line = |rest: &mut &[u8]| {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?.to_owned();
        *rest = &rest[end + 2..];
        Some(line)
    };
    loop {
        let head = line(&mut rest)?;
        let size = usize::from_str_radix(head.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = BTreeMap::new();
    while let Some(trailer) = line(&mut rest).filter(|trailer| !trailer.is_empty()) {
        let (name, value) = trailer.split_once(':')?;
        trailers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
    }
    Some((body.freeze(), trailers))
}

fn get(call: &Call, bucket: &Bucket, key: &str) -> Answer {
    let Some(object) = bucket.objects.get(key) else {
        if bucket.unlisted {
            return Err(AwsError::new(403, "AccessDenied", "Access Denied"));
        }
        return Err(AwsError::new(404, "NoSuchKey", "The specified key does not exist."));
    };
    let mut response = respond(200, "", object.body.clone());
    if call.method == Method::HEAD {
        response = respond(200, "", Bytes::new());
        set_header(&mut response, "content-length", &object.body.len().to_string());
    }
    set_header(&mut response, "content-type", &object.content_type);
    set_header(&mut response, "etag", &object.etag);
    set_header(&mut response, "last-modified", &http_date(object.last_modified));
    Ok(response)
}

fn list(call: &Call, bucket: &Bucket, name: &str, (quirk, nonce): (Option<Quirk>, u64)) -> Answer {
    let prefix = call.param("prefix").unwrap_or_default();
    let delimiter = call.param("delimiter").filter(|delimiter| !delimiter.is_empty());
    let start_after = call.param("start-after").unwrap_or_default();
    let invalid = |message: &str| AwsError::new(400, "InvalidArgument", message);
    let max_keys = match call.param("max-keys") {
        None => 1000,
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| invalid("Provided max-keys not an integer or within integer range"))?
            .min(1000),
    };
    // With a delimiter, what lies behind it rolls up into one common prefix.
    let mut entries = Vec::<(&str, Option<&Object>)>::new();
    let mut prefixes = BTreeSet::new();
    for (key, object) in bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        if key.as_str() <= start_after {
            continue;
        }
        let common = delimiter.and_then(|delimiter| {
            let end = key.get(prefix.len()..)?.find(delimiter)? + prefix.len() + delimiter.len();
            key.get(..end)
        });
        match common {
            Some(common) => {
                if prefixes.insert(common) {
                    entries.push((common, None));
                }
            }
            None => entries.push((key, Some(object))),
        }
    }
    let binding = format!("{name} {prefix:?} {delimiter:?} {start_after:?}");
    let page = paging::Listing {
        binding: &binding,
        token: call.param("continuation-token"),
        limit: max_keys,
        total: entries.len() as u64,
        quirk,
        short: false,
        nonce,
    };
    let page = page.page(|_| true).map_err(|_| invalid("The continuation token provided is incorrect"))?;
    // Asking for nothing is not a page of anything.
    let next = page.next.filter(|_| max_keys > 0);
    let encode = |text: &str| if call.param("encoding-type") == Some("url") { url(text) } else { xml(text) };
    let (mut contents, mut common) = (String::new(), String::new());
    for index in &page.indexes {
        let Some((key, object)) = usize::try_from(*index).ok().and_then(|index| entries.get(index)) else { continue };
        let key = encode(key);
        match object {
            None => common.push_str(&format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>")),
            Some(object) => contents.push_str(&format!(
                "<Contents><Key>{key}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                iso_time(object.last_modified),
                xml(&object.etag),
                object.body.len(),
            )),
        }
    }
    let truncated = next.is_some();
    let mut more = String::new();
    if let Some(token) = call.param("continuation-token") {
        more.push_str(&format!("<ContinuationToken>{}</ContinuationToken>", xml(token)));
    }
    if let Some(next) = next {
        more.push_str(&format!("<NextContinuationToken>{}</NextContinuationToken>", xml(&next)));
    }
    if let Some(delimiter) = delimiter {
        more.push_str(&format!("<Delimiter>{}</Delimiter>", encode(delimiter)));
    }
    if !start_after.is_empty() {
        more.push_str(&format!("<StartAfter>{}</StartAfter>", encode(start_after)));
    }
    if call.param("encoding-type") == Some("url") {
        more.push_str("<EncodingType>url</EncodingType>");
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"{NAMESPACE}\"><Name>{}</Name>\
         <Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{max_keys}</MaxKeys>\
         <IsTruncated>{truncated}</IsTruncated>{more}{contents}{common}</ListBucketResult>",
        xml(name),
        encode(prefix),
        page.indexes.len(),
    );
    Ok(respond(200, "application/xml", body))
}

fn url(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/*".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_broken_ones_refused() {
        let coded =
            Bytes::from_static(b"5;chunk-signature=ab\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n");
        let (body, trailers) = dechunk(&coded).expect("whole");
        assert_eq!(&body[..], b"hello!");
        assert_eq!(trailers["x-amz-checksum-crc32"], "AAAA");
        for broken in [&b"5\r\nhel"[..], b"zz\r\n", b"", b"ffffffffffffffff\r\nx"] {
            assert!(dechunk(&Bytes::from_static(broken)).is_none());
        }
    }
}
