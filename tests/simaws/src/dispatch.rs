//! Which simulated service answers.

use crate::wire::{Answer, AwsError, Call, Context, Service};
use crate::{cloudtrail, cloudwatch, companion, connect, dynamodb, eventbridge, s3, service_quotas, sns, ssm, sts};

pub(crate) fn operation_of(service: Service, call: &Call) -> Result<String, AwsError> {
    match service {
        Service::Connect => connect::operation(call),
        Service::Companion(api) => companion::operation(api, call),
        Service::Quotas => call.target("ServiceQuotasV20190624"),
        Service::Monitoring => cloudwatch::operation(call),
        Service::DynamoDb => call.target("DynamoDB_20120810"),
        Service::S3 => s3::operation(call),
        Service::Sns => sns::operation(call),
        Service::Sts => sts::operation(call),
        Service::Events => call.target("AWSEvents"),
        Service::Ssm => call.target("AmazonSSM"),
        Service::Trail => call.target("CloudTrail_20131101"),
    }
}

pub(crate) fn answer(service: Service, context: &mut Context<'_>) -> Answer {
    match service {
        Service::Connect => connect::answer(context),
        Service::Companion(api) => companion::answer(api, context),
        Service::Quotas => service_quotas::answer(context),
        Service::Monitoring => cloudwatch::answer(context),
        Service::DynamoDb => dynamodb::answer(context),
        Service::S3 => s3::answer(context),
        Service::Sns => sns::answer(context),
        Service::Sts => sts::answer(context),
        Service::Events => eventbridge::answer(context),
        Service::Ssm => ssm::answer(context),
        Service::Trail => cloudtrail::answer(context),
    }
}
