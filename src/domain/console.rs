//! Links into the AWS console. Pure.

use crate::domain::Account;

/// A quota in the Service Quotas console. None where the partition's console is not known: a wrong
/// link is worse than none.
#[must_use]
pub fn quota(account: &Account, service: &str, code: &str) -> Option<String> {
    let domain = match account.partition.as_str() {
        "aws" => "console.aws.amazon.com",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        "aws-cn" => "console.amazonaws.cn",
        _ => return None,
    };
    Some(format!("https://{}.{domain}/servicequotas/home/services/{service}/quotas/{code}", account.region))
}
