//! What would mend a fault, in words that fit its service and its cause.

use crate::domain::{Answered, FaultKind};

/// To be put behind the message; empty where there is no advice.
pub(super) fn remedy(kind: FaultKind, operation: &str, answered: &Answered, message: &str) -> String {
    match kind {
        FaultKind::AccessDenied => denied(operation, answered.error_code.as_deref().unwrap_or_default(), message),
        FaultKind::Credentials => {
            "; give AWS credentials: `aws configure`, `aws sso login`, --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// Advice for a call that the run had no time for. Only Connect's calls can be paced in two ways.
pub fn out_of_time(service: &str) -> &'static str {
    if service == "connect" {
        "raise the function's timeout, or set CONNECT_PACING=per-operation"
    } else {
        "raise the function's timeout"
    }
}

fn denied(operation: &str, code: &str, message: &str) -> String {
    let action = named_action(message).unwrap_or_else(|| action(operation));
    if code.starts_with("OptIn") || code.starts_with("SubscriptionRequired") || code == "AccountProblem" {
        return "; the account itself lacks the service: look at it in the AWS console".to_owned();
    }
    if let Some(policy) = between(message, "with an explicit deny in ", &[".", ";", ":", ","]) {
        let policy = policy.trim_start_matches("a ").trim_start_matches("an ").trim_start_matches("the ");
        return format!(
            "; an explicit deny in a {policy} refuses {action}: no permission of the role helps, change that policy"
        );
    }
    let allows = |policy: &&str| message.contains(&format!("no {policy} allows"));
    if operation == "sts:AssumeRole" {
        return "; deploy the reader role (fleet/reader-role.yaml) in that account, with this hub's account and external id"
            .to_owned();
    }
    let outer = [
        "service control policy",
        "resource control policy",
        "permissions boundary",
        "session policy",
        "VPC endpoint policy",
    ];
    if let Some(policy) = outer.iter().find(|policy| allows(policy)) {
        return format!("; allow {action} in the {policy}");
    }
    if code.starts_with("KMS") || action.starts_with("kms:") || message.contains("AWS KMS") {
        let needed = if action.starts_with("kms:") { action } else { kms(operation).to_owned() };
        return format!("; grant {needed} on the key to the monitor's role, in IAM and in the key's policy");
    }
    format!("; grant {action} to the monitor's role")
}

/// The action that a policy of the caller lacks, where the fault's message advises to grant one and nothing else
/// stands in the way.
#[must_use]
pub fn granted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("; grant ")?;
    let (action, _) = rest.split_once(" to the monitor's role")?;
    (!action.contains(' ')).then_some(action)
}

/// The action that AWS's own words name.
fn named_action(message: &str) -> Option<String> {
    let action = between(message, "not authorized to perform: ", &[" ", ","])?;
    action.contains(':').then(|| action.trim_end_matches('.').to_owned())
}

fn between<'a>(text: &'a str, before: &str, ends: &[&str]) -> Option<&'a str> {
    let rest = text.split_once(before)?.1;
    let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    // What is put in after a colon, as in `kms:Decrypt`, belongs to the action.
    Some(rest[..end].trim()).filter(|found| !found.is_empty())
}

/// The IAM action that an operation needs: the operation's own name, but where IAM has another.
fn action(operation: &str) -> String {
    let named = match operation {
        "s3:ListObjectsV2" | "s3:ListObjects" | "s3:HeadBucket" => "s3:ListBucket",
        "s3:HeadObject" => "s3:GetObject",
        "s3:GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
        "sns:PublishBatch" => "sns:Publish",
        "dynamodb:TransactWriteItems" => "dynamodb:PutItem",
        _ => operation,
    };
    named.to_owned()
}

/// What a call needs of the key with which its target is encrypted.
fn kms(operation: &str) -> &'static str {
    match operation {
        "sns:Publish" | "s3:PutObject" => "kms:GenerateDataKey* and kms:Decrypt",
        _ => "kms:Decrypt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(operation: &str, code: &str, message: &str) -> String {
        let answered = Answered { error_code: Some(code.to_owned()), ..Answered::default() };
        remedy(FaultKind::AccessDenied, operation, &answered, &format!("{code}: {message}"))
    }

    #[test]
    fn a_grant_names_a_permission_that_exists() {
        for (operation, action) in [
            ("s3:ListObjectsV2", "s3:ListBucket"),
            ("s3:HeadObject", "s3:GetObject"),
            ("s3:PutObject", "s3:PutObject"),
            ("connect:ListUsers", "connect:ListUsers"),
        ] {
            assert_eq!(
                advice(operation, "AccessDenied", "Access Denied"),
                format!("; grant {action} to the monitor's role")
            );
        }
        let named = "User: arn:aws:sts::1:assumed-role/m is not authorized to perform: s3:ListBucket on resource: x \
                     because no identity-based policy allows the s3:ListBucket action";
        assert!(advice("s3:GetObject", "AccessDenied", named).contains("grant s3:ListBucket"));
    }

    #[test]
    fn the_advised_action_can_be_read_back() {
        let text = |operation, message| format!("x{}", advice(operation, "AccessDenied", message));
        assert_eq!(granted(&text("s3:HeadObject", "Access Denied")), Some("s3:GetObject"));
        assert_eq!(granted(&text("connect:ListUsers", "no, with an explicit deny in a service control policy")), None);
        assert_eq!(granted(&text("s3:PutObject", "not allowed by AWS KMS")), None, "the key's policy has a say");
    }

    #[test]
    fn an_explicit_deny_is_called_one_and_asks_for_no_grant() {
        for policy in [
            "service control policy",
            "identity-based policy",
            "resource control policy",
            "VPC endpoint policy",
            "resource-based policy",
            "permissions boundary",
        ] {
            let article = if policy.starts_with('i') { "an" } else { "a" };
            let message = format!(
                "User: u is not authorized to perform: connect:ListUsers on resource: r with an explicit deny in {article} {policy}"
            );
            for message in [message.clone(), format!("{message}: arn:aws:organizations::1:policy/o-1/p-1")] {
                let advice = advice("connect:ListUsers", "AccessDeniedException", &message);
                assert!(advice.contains(policy) && advice.contains("explicit deny"), "{advice}");
                assert!(!advice.contains("grant"), "{advice}");
            }
        }
    }

    #[test]
    fn a_policy_that_does_not_allow_is_named() {
        let message = "User: u is not authorized to perform: connect:ListUsers on resource: r because no service control policy \
                       allows the connect:ListUsers action";
        assert_eq!(
            advice("connect:ListUsers", "AccessDeniedException", message),
            "; allow connect:ListUsers in the service control policy"
        );
    }

    #[test]
    fn a_denied_key_is_named() {
        let sns = advice("sns:Publish", "KMSAccessDenied", "The ciphertext refers to a key you cannot access");
        assert!(sns.contains("kms:GenerateDataKey* and kms:Decrypt on the key"), "{sns}");
        let message = "User: u is not authorized to perform: kms:Decrypt on resource: k because no identity-based policy allows the kms:Decrypt action";
        assert!(advice("s3:GetObject", "AccessDenied", message).contains("grant kms:Decrypt on the key"));
    }

    #[test]
    fn the_advice_about_pacing_is_for_connect() {
        assert!(out_of_time("connect").contains("CONNECT_PACING"));
        for service in ["servicequotas", "cases", "cloudwatch"] {
            assert!(!out_of_time(service).contains("CONNECT_PACING"));
        }
    }
}
