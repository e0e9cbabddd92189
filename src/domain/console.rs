//! Links into the AWS console. Pure.

use crate::domain::Account;

/// A quota in the Service Quotas console. None where the partition's console is not known: a wrong
/// link is worse than none.
#[must_use]
pub fn quota(account: &Account, service: &str, code: &str) -> Option<String> {
    let domain = domain(&account.partition)?;
    Some(format!("https://{}.{domain}/servicequotas/home/services/{service}/quotas/{code}", account.region))
}

/// The page of the latest run, as an object of the bucket: the console asks who looks. None where the partition's
/// console is not known.
#[must_use]
pub fn latest_page(account: &Account, bucket: (&str, &str)) -> Option<String> {
    object(&account.partition, bucket, &latest(&account.id, &account.region, "index.html"))
}

/// An object of a bucket, which is given by name and Region. None where the partition's console is not known.
#[must_use]
pub fn object(partition: &str, (bucket, region): (&str, &str), key: &str) -> Option<String> {
    let domain = domain(partition)?;
    Some(format!("https://{region}.{domain}/s3/object/{bucket}?region={region}&prefix={key}"))
}

/// A support case. None where the partition's Support Center is not known.
#[must_use]
pub fn support_case(account: &Account, case_id: &str) -> Option<String> {
    let is_known = account.partition == "aws" && case_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_known
        .then(|| format!("https://support.console.aws.amazon.com/support/home#/case/?displayId={case_id}&language=en"))
}

/// The key of a document of the latest run.
#[must_use]
pub fn latest(account_id: &str, region: &str, name: &str) -> String {
    format!("connect-reports/{account_id}/{region}/latest/{name}")
}

fn domain(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("console.aws.amazon.com"),
        "aws-us-gov" => Some("console.amazonaws-us-gov.com"),
        "aws-cn" => Some("console.amazonaws.cn"),
        _ => None,
    }
}
