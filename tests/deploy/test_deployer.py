"""The policy in docs for whoever deploys: enough for every call of deploy.sh, and for what CloudFormation calls
to make, read, change and delete each resource, as the resources' own schemas state it."""

import json
import re
from fnmatch import fnmatchcase

import pytest
from account import account, zip_file  # noqa: F401
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from conftest import ROOT
from template import TEMPLATE
from test_iam import RESOURCES, listed, resource_patterns

POLICY = json.loads((ROOT / "docs" / "deployer-policy.json").read_text())

#: The names that CloudFormation and the script give, by service.
NAME = "connect-quota-monitor-Name-1A2B3C"
MADE = {
    "cloudwatch": f"arn:aws:cloudwatch:REGION:ACCOUNT:alarm:{NAME}",
    "dynamodb": f"arn:aws:dynamodb:REGION:ACCOUNT:table/{NAME}",
    "events": f"arn:aws:events:REGION:ACCOUNT:rule/{NAME}",
    "iam": f"arn:aws:iam::ACCOUNT:role/{NAME}",
    "lambda": f"arn:aws:lambda:REGION:ACCOUNT:function:{NAME}",
    "logs": f"arn:aws:logs:REGION:ACCOUNT:log-group:{NAME}:*",
    "s3": "arn:aws:s3:::connect-quota-monitor-historybucket-1a2b3c",
    "sns": f"arn:aws:sns:REGION:ACCOUNT:{NAME}",
    "sqs": f"arn:aws:sqs:REGION:ACCOUNT:{NAME}",
    "cloudformation": "arn:aws:cloudformation:REGION:ACCOUNT:stack/connect-quota-monitor/1a2b",
}

#: Handlers of features that no resource of the template has.
OTHER_FEATURES = ("elasticfilesystem:", "s3files:", "s3tables:", "kinesis:", "firehose:")
UNUSED = {
    "iam:CreateServiceLinkedRole": "replicas of tables",
    "lambda:GetCodeSigningConfig": "code signing",
    "lambda:GetLayerVersion": "layers",
    "lambda:PassCapacityProvider": "capacity providers",
    "logs:CreateLogDelivery": "deliveries",
    "logs:DeleteResourcePolicy": "deliveries",
    "logs:PutResourcePolicy": "deliveries",
    **{f"iam:{verb}{who}Policy": "policies of users and groups" for verb in ("Put", "Get", "Delete") for who in ("User", "Group")},
}
#: No action of IAM's, though the schemas name them.
NO_ACTIONS = {"s3:REST.PUT.OBJECT", "s3:GetObjectMetadata"}


def allowed(action, resource):
    return any(
        any(fnmatchcase(action.lower(), a.lower()) for a in listed(s["Action"]))
        and any(fnmatchcase(resource, r) for r in listed(s["Resource"]))
        for s in POLICY["Statement"]
        if s["Effect"] == "Allow"
    )


def enough(action, resource=None):
    service, name = action.split(":")
    known = name.lower() in RESOURCES.get(service, {"Actions": {}})["Actions"]
    if known and not resource_patterns(action):
        return allowed(action, "*")
    return allowed(action, resource or MADE.get(service, "*"))


@pytest.mark.parametrize("kind", sorted({r["Type"] for r in TEMPLATE["Resources"].values()}))
def test_it_is_enough_for_cloudformation(kind):
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    needed = {p for h in ("create", "read", "update", "delete") for p in handlers.get(h, {}).get("permissions", [])}
    needed = {p for p in needed if not p.startswith(OTHER_FEATURES)} - set(UNUSED) - NO_ACTIONS
    assert needed
    assert not [action for action in sorted(needed) if not enough(action)]


PACKAGE = "arn:aws:s3:::connect-quota-monitor-code-ACCOUNT-REGION"
#: What each command of the AWS CLI asks for.
ACTIONS = {
    "sts get-caller-identity": [],
    "configure get": [],
    "connect list-instances": ["connect:ListInstances", "ds:DescribeDirectories"],
    "cloudtrail describe-trails": ["cloudtrail:DescribeTrails"],
    "cloudtrail get-trail-status": ["cloudtrail:GetTrailStatus"],
    "cloudtrail get-event-selectors": ["cloudtrail:GetEventSelectors"],
    "cloudformation deploy": [
        *("cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet"),
        *("cloudformation:DescribeStacks", "cloudformation:GetTemplateSummary", "cloudformation:TagResource"),
        *("s3:PutObject", "s3:GetObject", "s3:ListBucket"),
    ],
    "cloudformation describe-stacks": ["cloudformation:DescribeStacks"],
    "cloudformation describe-stack-events": ["cloudformation:DescribeStackEvents"],
    "cloudformation list-stack-resources": ["cloudformation:ListStackResources"],
    "cloudformation delete-stack": ["cloudformation:DeleteStack"],
    "cloudformation wait": ["cloudformation:DescribeStacks"],
    "lambda get-account-settings": ["lambda:GetAccountSettings"],
    "lambda invoke": ["lambda:InvokeFunction"],
    "logs filter-log-events": ["logs:FilterLogEvents"],
    "events describe-rule": ["events:DescribeRule"],
    "events enable-rule": ["events:EnableRule"],
    "events disable-rule": ["events:DisableRule"],
    "s3api head-bucket": ["s3:ListBucket"],
    "s3api get-bucket-location": ["s3:GetBucketLocation"],
    "s3api create-bucket": ["s3:CreateBucket"],
    "s3api put-bucket-tagging": ["s3:PutBucketTagging"],
    "s3api get-bucket-tagging": ["s3:GetBucketTagging"],
    "s3api put-public-access-block": ["s3:PutBucketPublicAccessBlock"],
    "s3api put-bucket-policy": ["s3:PutBucketPolicy"],
    "s3api head-object": ["s3:GetObject"],
    "s3api put-object": ["s3:PutObject"],
    "s3api delete-bucket": ["s3:DeleteBucket"],
    "s3 rm": ["s3:ListBucket", "s3:DeleteObject"],
    "sns list-subscriptions-by-topic": ["sns:ListSubscriptionsByTopic"],
    "sns subscribe": ["sns:Subscribe"],
    "kms get-key-policy": ["kms:GetKeyPolicy"],
    "cloudwatch describe-alarms": ["cloudwatch:DescribeAlarms"],
    "cloudwatch list-tags-for-resource": ["cloudwatch:ListTagsForResource"],
    "cloudwatch delete-alarms": ["cloudwatch:DeleteAlarms"],
}
ON_OBJECTS = {"s3:PutObject", "s3:GetObject", "s3:DeleteObject"}


def test_it_is_enough_for_the_script():
    text = (ROOT / "deploy.sh").read_text()
    commands = {f"{service} {call}" for service, call in re.findall(r'"\$\{AWS\[@\]\}" ([a-z0-9]+) ([a-z-]+)', text)}
    assert commands == set(ACTIONS)
    for command, actions in ACTIONS.items():
        for action in actions:
            resource = f"{PACKAGE}/connect-quota-monitor/x.zip" if action in ON_OBJECTS else None
            assert enough(action, resource), f"{command} needs {action}"


def test_a_recorded_deployment_and_deletion_are_allowed(account):
    new = account()
    recorded = set()
    for run in (new.deploy, new.deploy, new.delete):
        code, said = run()
        assert code == 0, said
        recorded |= set(new.calls)
    assert len(recorded) >= 20 and recorded <= set(ACTIONS)


def test_it_lets_nobody_do_everything():
    for statement in POLICY["Statement"]:
        assert "*" not in listed(statement["Action"])
        if "*" in listed(statement["Resource"]):
            assert not [a for a in listed(statement["Action"]) if a.endswith("*")], statement["Sid"]
    (passing,) = [s for s in POLICY["Statement"] if "iam:PassRole" in listed(s["Action"])]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144, "the longest managed policy"
