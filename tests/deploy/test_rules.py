"""What AWS refuses, or quietly does wrongly, though linters and simulators accept it."""

import json
import re

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from conftest import ROOT
from template import EVERYTHING, TEMPLATE, Deployment, every_deployment, some_deployments

TEXT = (ROOT / "template.yaml").read_text()


def schema(kind):
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema


@pytest.fixture(
    params=list(some_deployments()), ids=lambda p: ",".join(f"{k}={v}"[:30] for k, v in p.items()) or "default"
)
def deployment(request):
    return Deployment(**request.param)


# ---- The template as a whole -----------------------------------------------------------------------


def test_every_combination_of_switches_resolves():
    """No reference to what a condition leaves out, in any combination."""
    count = 0
    for parameters in every_deployment():
        deployment = Deployment(**parameters)
        for output in TEMPLATE["Outputs"].values():
            if "Condition" not in output or deployment.holds(output["Condition"]):
                deployment.resolve(output["Value"])
        count += 1
    assert count > 1000


def test_plain_cloudformation():
    assert "Transform" not in TEMPLATE
    assert "AWS::LanguageExtensions" not in TEXT
    assert not re.search(r"(?m)^[^#\"']*[:\-] [&*][a-z]", TEXT), "CloudFormation reads no YAML aliases"
    # The API itself takes 51,200 bytes: a larger one goes through a bucket, everywhere it is deployed.
    assert len(TEXT.encode()) <= 1_000_000
    for path in ("deploy.sh", "docs/OPERATIONS.md"):
        for command in re.findall(r"cloudformation deploy(?:[^\n]*\\\n)*[^\n]*", (ROOT / path).read_text()):
            assert "--template-file" not in command or "--s3-bucket" in command, f"{path}: {command}"
    assert len(TEMPLATE["Parameters"]) <= 200 and len(TEMPLATE["Outputs"]) <= 200
    for name, parameter in TEMPLATE["Parameters"].items():
        assert len(parameter["Description"].encode()) <= 4000, name


def test_the_stack_says_which_version_it_is():
    """In an output, and where functions and stacks are listed."""
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "Cargo.toml").read_text())[1]
    assert TEMPLATE["Outputs"]["Version"]["Value"] == version
    for said in (TEMPLATE["Description"], Deployment().function["Description"]):
        assert f"quota monitor {version}: " in said


NAMES = {"RoleName", "AlarmName", "TopicName", "QueueName", "GroupName", "Name", "TableName"}


def test_nothing_has_a_fixed_name():
    """From the resource schemas: an identifier that can be given, and that its own service keeps unique."""
    checked = 0
    for name, resource in TEMPLATE["Resources"].items():
        properties = resource.get("Properties", {})
        identifiers = {p.rsplit("/", 1)[-1] for p in schema(resource["Type"]).get("primaryIdentifier", [])}
        own = (identifiers | NAMES) & set(properties)
        # An identifier that is another resource of this stack names nothing new.
        fixed = {i for i in own if isinstance(properties[i], str) and i != "Qualifier"}
        assert not fixed, f"{name} has the fixed {fixed}"
        checked += 1
    assert checked == len(TEMPLATE["Resources"])


def test_named_iam_is_not_needed():
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"].startswith("AWS::IAM::"):
            assert not {"RoleName", "ManagedPolicyName", "UserName", "GroupName"} & set(resource["Properties"]), name


def test_no_partition_is_assumed():
    without_comments = re.sub(r"(?m)#.*$", "", TEXT)
    literal = [line for line in without_comments.splitlines() if "arn:aws" in line and "AllowedPattern" not in line]
    assert not literal
    # cn-north-1 has its own suffix for the one service principal that bears a Region.
    assert "logs.${AWS::Region}.${AWS::URLSuffix}" in TEXT


def test_every_parameter_is_grouped_and_constrained():
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])
    constraints = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength", "MaxLength"}
    for name, parameter in TEMPLATE["Parameters"].items():
        assert constraints & set(parameter), f"{name} takes anything"
        default, pattern = parameter.get("Default"), parameter.get("AllowedPattern")
        if pattern and default is not None:
            assert re.fullmatch(pattern, str(default)), f"{name} refuses its own default"


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "NotificationEmail",
            ["", "a.b+c@example.co.uk"],
            ["a", "a@b", "a b@example.com", "a@example.com,b@example.com", "a@example.com,", "a,b@example.com", "<a@b.com>"],
        ),
        (
            "ScheduleExpression",
            ["rate(1 hour)", "rate(30 minutes)", "cron(0 8 ? * MON-FRI *)"],
            ["1 hour", "rate(1 hours)", "rate(0 minutes)", ""],
        ),
        ("CriticalPercentage", ["", "1", "95", "100"], ["0", "101", "95.5"]),
        (
            "ExistingTopicArn",
            ["", "arn:aws-cn:sns:cn-north-1:123456789012:a_b-c"],
            ["my-topic", "arn:aws:sns:us-east-1:123456789012:a.fifo"],
        ),
        (
            "EventsTopicArn",
            ["", "arn:aws-cn:sns:cn-north-1:123456789012:a_b-c"],
            ["my-topic", "arn:aws:sns:us-east-1:123456789012:a.fifo"],
        ),
        (
            "EventBusName",
            ["", "default", "ops.main_1", "arn:aws:events:us-east-1:123456789012:event-bus/a"],
            ["a/b", "arn:aws:events:us-east-1:123456789012:rule/a", "arn:aws:sns:us-east-1:123456789012:a"],
        ),
        (
            "FailureQueueArn",
            ["", "none", "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:failed_runs-1"],
            ["queue", "https://sqs.us-east-1.amazonaws.com/123456789012/a", "arn:aws:sqs:us-east-1:123456789012:a.fifo"],
        ),
        ("TopicKmsKeyArn", ["", "arn:aws:kms:us-east-1:123456789012:key/0a-1"], ["arn:aws:kms:us-east-1:123456789012:alias/x"]),
        (
            "PermissionsBoundaryArn",
            ["", "arn:aws:iam::123456789012:policy/a/b", "arn:aws-cn:iam::aws:policy/PowerUserAccess"],
            ["boundary", "arn:aws:iam::123456789012:role/a"],
        ),
        ("RolePath", ["/", "/a/", "/a/b.c/"], ["", "a", "/a", "a/"]),
        ("CodeS3BucketPrefix", ["", "our-packages"], ["Packages", "a" * 49]),
        ("QuotaOverridesParameter", ["", "/connect/quota-overrides"], ["overrides", "ssm:/a", "/a:1", "/a*"]),
        ("QuotaOverridesObject", ["", "settings/a/b.json"], ["settings", "s3://settings/a", "settings/a*", "Settings/a"]),
        (
            "KmsKeyArn",
            ["", "arn:aws:kms:us-east-1:123456789012:key/mrk-0a"],
            ["alias/aws/sns", "arn:aws:kms:us-east-1:123456789012:alias/x"],
        ),
        ("ApiAlarmThreshold", ["", "1", "100"], ["0", "101", "79.5"]),
        ("ApiAlarmDatapoints", ["3", "3 of 3", "12 of 24"], ["", "0 of 3", "3/3", "3 of", "three", "5 of 3", "25", "999 of 999"]),
        ("SubnetIds", ["", "subnet-0a1", "subnet-0a1,subnet-0b2"], ["subnet-0a1, subnet-0b2", "vpc-1"]),
    ],
)
def test_patterns(parameter, good, bad):
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]
    assert all(re.fullmatch(pattern, value) for value in good)
    assert not any(re.fullmatch(pattern, value) for value in bad)


#: The whole numbers that the function takes; it refuses 82.5, which a Number of CloudFormation's may be.
WHOLE = {
    "ThresholdPercentage": (1, 100),
    "ReminderHours": (0, 24 * 366),
    "ReminderHoursBuild": (0, 24 * 366),
    "ForecastDays": (0, 365),
    "ApiAlarmLimit": (1, 5000),
    "ConnectRateShare": (1, 100),
    "DetailCallBudget": (0, 10_000),
    "HistoryRetentionDays": (1, 3653),
    "WatchThrottled": (1, 100_000),
    "WatchTokenFailures": (1, 100_000),
    "WatchCoolDownMinutes": (5, 1440),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(name):
    pattern = re.compile(TEMPLATE["Parameters"][name]["AllowedPattern"])
    least, most = WHOLE[name]
    taken = {n for n in range(120_000) if pattern.fullmatch(str(n))}
    assert taken == set(range(least, most + 1))
    assert not [v for v in ("82.5", "-1", "", "1e2", " 5", "05") if pattern.fullmatch(v)]


def test_datapoints_are_not_more_than_there_are():
    pattern = re.compile(TEMPLATE["Parameters"]["ApiAlarmDatapoints"]["AllowedPattern"])
    for of in range(40):
        for alarm in range(40):
            assert bool(pattern.fullmatch(f"{alarm} of {of}")) == (1 <= alarm <= of <= 24), (alarm, of)


def test_every_pattern_can_be_read_by_a_shell():
    """deploy.sh checks values by them: POSIX, repeats of at most 255, whole or empty alternatives anchored."""
    for name, parameter in TEMPLATE["Parameters"].items():
        pattern = parameter.get("AllowedPattern", "")
        outside = re.sub(r"\[[^\]]*\]", "x", pattern)
        assert not re.search(r"\\[dwDWSbB]|\(\?|[*+?}][?+]", outside), name
        assert "\\s" not in outside, f"{name}: \\s is known in brackets only"
        assert all(int(n) <= 255 for n in re.findall(r"\{(?:\d+,)?(\d+)\}", pattern)), name
        whole = re.sub(r"\\[()]", "", outside)
        while "(" in whole:
            whole = re.sub(r"\([^()]*\)", "", whole)
        alternatives = whole.split("|")
        assert all(a.startswith("^") and a.endswith("$") for a in alternatives if pattern), name


def test_the_rules_refuse_what_the_function_refuses():
    for threshold in range(1, 101):
        for critical in ["", *range(1, 101)]:
            refused = Deployment(ThresholdPercentage=threshold, CriticalPercentage=critical).refused
            assert bool(refused) == (critical != "" and critical < threshold), (threshold, critical)
    topic = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:given"
    assert Deployment(ExistingTopicArn=topic, EventsTopicArn=topic).refused
    assert not Deployment(EventsTopicArn=topic).refused


def test_the_package_is_in_one_place():
    assert Deployment(CodeS3Bucket="").refused and Deployment(CodeS3BucketPrefix="packages").refused
    by_region = Deployment(CodeS3Bucket="", CodeS3BucketPrefix="packages")
    assert not by_region.refused
    assert by_region.function["Code"]["S3Bucket"] == "packages-us-gov-west-1"
    longest = TEMPLATE["Parameters"]["CodeS3BucketPrefix"]["AllowedPattern"]
    assert re.fullmatch(longest, "a" * 48) and 48 + len("-ap-southeast-1") <= 63


def test_no_tested_deployment_is_refused():
    for parameters in some_deployments():
        assert not Deployment(**parameters).refused, parameters


STATEFUL = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::SQS::Queue",
    "AWS::Logs::LogGroup",
}


def test_stateful_resources_say_what_becomes_of_them():
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] in STATEFUL:
            # What a failed first deployment made is empty: kept, it would cost and be forgotten.
            deletion = {"Retain": "RetainExceptOnCreate", "Delete": "Delete"}[resource["UpdateReplacePolicy"]]
            assert resource["DeletionPolicy"] == deletion, name


@pytest.mark.parametrize("name", ["SnapshotsTable", "HistoryBucket", "HistoryBucketPolicy"])
def test_twins_differ_in_deletion_only(name):
    kept, disposable = TEMPLATE["Resources"][name], TEMPLATE["Resources"][f"Disposable{name}"]
    kept, disposable = (
        json.loads(json.dumps(dict(r)).replace("DisposableHistory", "History")) for r in (kept, disposable)
    )
    for resource, policy in ((kept, "RetainExceptOnCreate"), (disposable, "Delete")):
        assert resource.pop("DeletionPolicy", policy) == policy
        resource.pop("UpdateReplacePolicy", None)
        resource.pop("Condition")
    assert kept == disposable


# ---- Environment -----------------------------------------------------------------------------------


def test_the_environment_is_the_one_the_program_reads():
    source = (ROOT / "src" / "config" / "mod.rs").read_text()
    table = source[source.index("pub const VARS") :]
    names = re.findall(r'\("([A-Z0-9_]+)", "', table[: table.index("];")])
    assert len(names) >= 15
    assert sorted(Deployment().function["Environment"]["Variables"]) == sorted(names)


def test_the_defaults_are_the_programs():
    source = (ROOT / "src" / "config" / "mod.rs").read_text()
    table = source[source.index("pub const VARS") :]
    defaults = dict(re.findall(r'\("([A-Z0-9_]+)", "([^"]*)"\)', table[: table.index("];")]))
    environment = Deployment().function["Environment"]["Variables"]
    # The stack has a topic, a table and a prefix of its own; an empty percentage is the program's own default.
    for name in ("ALERT_SNS_TOPIC_ARN", "USE_DYNAMODB", "DYNAMODB_TABLE", "CRITICAL_PERCENTAGE", "API_ALARM_PREFIX"):
        defaults.pop(name), environment.pop(name)
    # The program alone says nothing; a stack is to say from time to time that it watches.
    assert (defaults.pop("ALL_CLEAR_DAYS"), environment.pop("ALL_CLEAR_DAYS")) == ("0", "7")
    assert {name: str(value) for name, value in environment.items()} == defaults


def test_a_store_has_its_name_exactly_when_it_is_on():
    for parameters in every_deployment():
        variables = Deployment(**parameters).function["Environment"]["Variables"]
        assert (variables["USE_DYNAMODB"] == "true") == bool(variables["DYNAMODB_TABLE"])
        assert (variables["USE_S3_STORAGE"] == "true") == bool(variables["S3_BUCKET"])
        assert variables["ALERT_SNS_TOPIC_ARN"]


def test_overrides_stand_in_the_variable_or_are_referred_to():
    for parameters, value in (
        ({"QuotaOverrides": "{}"}, "{}"),
        ({"QuotaOverridesParameter": "/a/b"}, "ssm:/a/b"),
        ({"QuotaOverridesObject": "settings/a/b.json"}, "s3://settings/a/b.json"),
    ):
        assert Deployment(**parameters).function["Environment"]["Variables"]["QUOTA_OVERRIDES"] == value


def test_the_environment_fits():
    """Lambda takes 4 KB of names and values together; the free-text parameters are bounded to leave room."""
    variables = Deployment(**EVERYTHING).function["Environment"]["Variables"]
    free = {"QUOTA_OVERRIDES", "INCLUDE_INSTANCES", "EXCLUDE_INSTANCES"}
    fixed = sum(len(name) + len(str(value)) for name, value in variables.items() if name not in free)
    longest = TEMPLATE["Parameters"]["QuotaOverrides"]["MaxLength"]
    # References are shorter here than ARNs and names will be, and instances may be listed.
    assert fixed + longest + 1_400 < 4096
    assert not [name for name in variables if name.startswith(("AWS_", "LAMBDA_"))], "reserved names"


def test_the_environment_fits_at_its_longest():
    """All long parameters at once, and the longest names that CloudFormation makes: 255 for a table, 128 for a stack."""

    def longest(name, text="x"):
        return text.ljust(TEMPLATE["Parameters"][name]["MaxLength"], "x")

    worst = Deployment(
        **EVERYTHING
        | {"QuotaOverrides": longest("QuotaOverrides"), "QuotaOverridesParameter": ""}
        | {name: longest(name) for name in ("IncludeInstances", "ExcludeInstances")}
        | {"EventsTopicArn": longest("EventsTopicArn"), "EventBusName": longest("EventBusName")}
        | {"ExistingTopicArn": longest("ExistingTopicArn"), "ExistingBucketName": "b" * 63}
        | {"ReminderHours": "8784", "ReminderHoursBuild": "8784", "HistoryRetentionDays": "3653", "ThresholdPercentage": "100"}
        | {"CriticalPercentage": "100", "ApiAlarmThreshold": "100", "ApiAlarmDatapoints": "24 of 24", "ApiAlarmLimit": "5000"}
        | {"ConnectPacing": "per-operation", "LookbackMinutes": "1440", "ApiAlarmForm": "service_quota", "RunMetrics": "per-quota"}
        | {"DetailCallBudget": "10000", "ForecastDays": "365", "AllClearDays": "366", "AccountName": longest("AccountName")}
        | {"WatchThrottled": "100000", "WatchTokenFailures": "100000", "WatchCoolDownMinutes": "1440", "WatchLookup": "false"}
        | {name: longest(name) for name in ("GenesysRateLimitTopics", "GenesysTokenTopics")}
    )
    variables = worst.function["Environment"]["Variables"]
    assert variables["QUOTA_OVERRIDES"] and variables["EVENT_BUS_NAME"]
    made = {"DYNAMODB_TABLE": "t" * 255, "API_ALARM_PREFIX": "s" * 128}
    size = sum(len(name) + len(made.get(name, str(value))) for name, value in variables.items())
    assert size <= 4096, size
    for long in ({"QuotaOverridesParameter": "/x"}, {"QuotaOverridesObject": "b/k"}):
        ((name, text),) = long.items()
        assert len("s3://" + longest(name, text)) <= TEMPLATE["Parameters"]["QuotaOverrides"]["MaxLength"]


# ---- Function and schedule -------------------------------------------------------------------------


def queue_of(deployment):
    """Where failures go, if anywhere."""
    given = deployment.parameters["FailureQueueArn"]
    return "" if given == "none" else given or "<FailureQueue.Arn>"


def test_function(deployment):
    function = deployment.function
    assert function["Runtime"] == "provided.al2023" and function["Handler"] == "bootstrap"
    assert "ZipFile" not in function["Code"], "no placeholder"
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    # Log levels are refused with the Text format, and the group must be the one that the role may write to.
    assert function["LoggingConfig"]["LogGroup"] == "<LogGroup>"
    assert ("VpcConfig" in function) == ("SecurityGroup" in deployment.resources)
    if "VpcConfig" in function:
        assert function["VpcConfig"]["SubnetIds"] and all(
            s.startswith("subnet-") for s in function["VpcConfig"]["SubnetIds"]
        )


def test_log_retention_is_a_value_that_logs_takes():
    allowed = schema("AWS::Logs::LogGroup")["properties"]["RetentionInDays"]["enum"]
    assert set(TEMPLATE["Parameters"]["LogRetentionDays"]["AllowedValues"]) == set(allowed)


def test_function_limits_are_lambdas():
    def bounds(name):
        return TEMPLATE["Parameters"][name]["MinValue"], TEMPLATE["Parameters"][name]["MaxValue"]

    assert bounds("LambdaMemory") == (128, 10240)
    assert 1 <= bounds("LambdaTimeout")[0] and bounds("LambdaTimeout")[1] == 900
    assert set(TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]) == {"arm64", "x86_64"}


def test_asynchronous_invocations(deployment):
    config = deployment.resources["AsyncInvocations"]["Properties"]
    assert 0 <= config["MaximumRetryAttempts"] <= 2 and 60 <= config["MaximumEventAgeInSeconds"] <= 21600
    assert config["Qualifier"] == "$LATEST"
    if queue := queue_of(deployment):
        assert config["DestinationConfig"]["OnFailure"]["Destination"] == queue
        assert "OnSuccess" not in config["DestinationConfig"]
    else:
        assert "DestinationConfig" not in config


def test_schedule(deployment):
    (target,) = deployment.resources["Schedule"]["Properties"]["Targets"]
    assert 0 <= target["RetryPolicy"]["MaximumRetryAttempts"] <= 185
    assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86400
    assert target.get("DeadLetterConfig") == ({"Arn": queue_of(deployment)} if queue_of(deployment) else None)
    assert "Input" not in target, "the monitor knows an EventBridge event, and any input replaces it"
    permission = deployment.resources["SchedulePermission"]["Properties"]
    assert permission["Principal"] == "events.amazonaws.com" and permission["SourceArn"] == "<Schedule.Arn>"
    # A retry that waits longer than the interval would pile up runs.
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 3600


# ---- Watches ----------------------------------------------------------------------------------------

GENESYS = "aws.partner/genesys.com/cloud/0a-1/main"


def test_watches_are_on_where_there_is_a_table():
    def watches(**parameters):
        deployment = Deployment(**parameters)
        assert not deployment.refused
        return [name for name in deployment.resources if name.startswith(("Watch", "Genesys"))]

    assert len(watches()) == 12 and "GenesysRule" not in watches()
    assert not watches(WatchThrottling="false")
    # They count in the table: without it a stack must not break, but has none.
    assert not watches(UseDynamoDBStorage="false")
    assert "GenesysRule" in watches(GenesysEventBusName=GENESYS)
    assert Deployment(GenesysEventBusName=GENESYS, WatchThrottling="false").refused
    assert Deployment(GenesysEventBusName=GENESYS, UseDynamoDBStorage="false").refused


def test_no_event_is_lost_on_its_way_to_the_queue_without_a_trace():
    resources = Deployment(GenesysEventBusName=GENESYS).resources
    for name in ("WatchRule", "GenesysRule"):
        (target,) = resources[name]["Properties"]["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": "<WatchDeadLetters.Arn>"}
        assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86400
    policy = resources["WatchQueuePolicy"]["Properties"]
    assert set(policy["Queues"]) == {"<WatchQueue>", "<WatchDeadLetters>"}
    for statement in policy["PolicyDocument"]["Statement"]:
        assert set(statement["Resource"]) == {"<WatchQueue.Arn>", "<WatchDeadLetters.Arn>"}
    alarms = Deployment().of_type("AWS::CloudWatch::Alarm")
    told = {(a["Namespace"], a["MetricName"], json.dumps(a["Dimensions"])) for n, a in alarms.items() if n.startswith("Watch")}
    assert told == {
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", '[{"Name": "QueueName", "Value": "<WatchQueue.QueueName>"}]'),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", '[{"Name": "QueueName", "Value": "<WatchDeadLetters.QueueName>"}]'),
        ("AWS/Lambda", "Errors", '[{"Name": "FunctionName", "Value": "<WatchFunction>"}]'),
    }


def test_the_watch_function_is_the_monitor_itself():
    deployment = Deployment(**EVERYTHING)
    watch = deployment.resources["WatchFunction"]["Properties"]
    differing = {name for name in {*watch, *deployment.function} if watch.get(name) != deployment.function.get(name)}
    assert differing == {"Description", "Timeout", "LoggingConfig"}
    assert watch["LoggingConfig"] == deployment.function["LoggingConfig"] | {"LogGroup": "<WatchLogGroup>"}
    log = deployment.resources["LogGroup"]["Properties"]
    assert deployment.resources["WatchLogGroup"]["Properties"] == log


def test_the_watched_events_get_through():
    for bus, rules in (("", ["<WatchRule.Arn>"]), (GENESYS, ["<WatchRule.Arn>", "<GenesysRule.Arn>"])):
        resources = Deployment(WatchThrottling="true", GenesysEventBusName=bus).resources
        queue = resources["WatchQueue"]["Properties"]
        assert queue["VisibilityTimeout"] == 6 * resources["WatchFunction"]["Properties"]["Timeout"]
        assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "<WatchDeadLetters.Arn>", "maxReceiveCount": 5}
        allow = resources["WatchQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
        mapping = resources["WatchEvents"]["Properties"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # SQS gives more than ten at once only where it may wait for them.
        assert mapping["BatchSize"] > 10 and mapping["MaximumBatchingWindowInSeconds"] >= 1
        (target,) = resources["WatchSweep"]["Properties"]["Targets"]
        assert json.loads(target["Input"]) == {"watch": "sweep"}


def test_the_rule_lets_through_what_the_program_watches():
    source = (ROOT / "src" / "watch" / "table.rs").read_text()
    codes = {c for found in re.findall(r"codes: &\[([^\]]*)\]", source) for c in re.findall(r'"([^"]+)"', found)}
    assert len(codes) >= 6
    pattern = Deployment(WatchThrottling="true").resources["WatchRule"]["Properties"]["EventPattern"]
    known = {c if isinstance(c, str) else c["prefix"] + "*" for c in pattern["detail"]["errorCode"]}
    assert known == {c for c in codes if c == "Throttl*" or not c.startswith("Throttl")}


# ---- Stores ----------------------------------------------------------------------------------------


def test_tables(deployment):
    for properties in deployment.of_type("AWS::DynamoDB::Table").values():
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert "ProvisionedThroughput" not in properties
        for index in properties.get("GlobalSecondaryIndexes", []):
            assert "ProvisionedThroughput" not in index, "DynamoDB refuses it under on-demand billing"
        keys = [k["AttributeName"] for k in properties["KeySchema"]]
        indexed = {k["AttributeName"] for i in properties.get("GlobalSecondaryIndexes", []) for k in i["KeySchema"]}
        # DynamoDB refuses an attribute that no key uses, TTL's above all.
        assert {a["AttributeName"] for a in properties["AttributeDefinitions"]} == set(keys) | indexed
        assert keys == ["subject", "timestamp"]
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        if "SSESpecification" in properties:
            assert properties["SSESpecification"]["SSEType"] == "KMS", "a key needs the type"


def test_the_keys_are_the_ones_that_the_program_writes():
    assert "pub timestamp: String" in (ROOT / "src" / "domain" / "snapshot.rs").read_text()
    source = (ROOT / "src" / "keep" / "dynamodb.rs").read_text()
    assert 'SUBJECT: &str = "subject"' in source and '"expires_at"' in source


def test_buckets(deployment):
    buckets = deployment.of_type("AWS::S3::Bucket")
    policies = {p["Bucket"]: p["PolicyDocument"] for p in deployment.of_type("AWS::S3::BucketPolicy").values()}
    assert set(policies) == {f"<{name}>" for name in buckets}
    for name, properties in buckets.items():
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert "AccessControl" not in properties, "ACLs are refused with BucketOwnerEnforced"
        assert "VersioningConfiguration" not in properties, "versions would outlive the emptying of the bucket"
        assert "ObjectLockEnabled" not in properties
        (rule,) = properties["LifecycleConfiguration"]["Rules"]
        assert rule["ExpirationInDays"] == deployment.parameters["HistoryRetentionDays"]
        (statement,) = policies[f"<{name}>"]["Statement"]
        assert statement["Effect"] == "Deny" and statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == [f"<{name}.Arn>", f"<{name}.Arn>/*"], "the bucket and its objects"


# ---- Topic, queue and key --------------------------------------------------------------------------

#: SNS refuses every other action in a topic's policy, `sns:*` too ("action out of service scope").
TOPIC_ACTIONS = {
    "sns:AddPermission",
    "sns:DeleteTopic",
    "sns:GetDataProtectionPolicy",
    "sns:GetTopicAttributes",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTagsForResource",
    "sns:Publish",
    "sns:PutDataProtectionPolicy",
    "sns:RemovePermission",
    "sns:SetTopicAttributes",
    "sns:Subscribe",
}


def listed(value):
    return value if isinstance(value, list) else [value]


def test_topic(deployment):
    topics = deployment.of_type("AWS::SNS::Topic")
    assert bool(topics) == (deployment.parameters["ExistingTopicArn"] == "")
    for properties in topics.values():
        # Its policy, which nobody can change, shuts CloudWatch alarms out.
        assert not properties.get("KmsMasterKeyId", "").startswith("alias/aws/")
        statements = deployment.resources["AlertTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        assert {a for s in statements for a in listed(s["Action"])} <= TOPIC_ACTIONS
        assert any(
            s["Effect"] == "Allow"
            and s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
            and s["Action"] == "sns:Publish"
            and s["Condition"]["StringEquals"]["aws:SourceAccount"] == "111122223333"
            for s in statements
        ), "a policy replaces the default one: without this, alarms are silently lost"
        assert any(
            s["Effect"] == "Deny"
            and s["Principal"] == "*"
            and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for s in statements
        )
        assert not [s for s in statements if s["Effect"] == "Allow" and s["Principal"] in ("*", {"AWS": "*"})]


def test_queue(deployment):
    if queue_of(deployment) != "<FailureQueue.Arn>":
        assert not {"FailureQueue", "FailureQueuePolicy", "FailureQueueAlarm"} & set(deployment.resources)
        assert ("sqs:SendMessage" in json.dumps(deployment.statements)) == bool(queue_of(deployment))
        return
    queue = deployment.resources["FailureQueue"]["Properties"]
    assert ("KmsMasterKeyId" in queue) != ("SqsManagedSseEnabled" in queue), "SQS takes one of them"
    assert queue["MessageRetentionPeriod"] == 1209600
    statements = deployment.resources["FailureQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert any(
        s["Effect"] == "Allow"
        and s["Principal"] == {"Service": "events.amazonaws.com"}
        and s["Action"] == "sqs:SendMessage"
        and s["Condition"] == {"ArnEquals": {"aws:SourceArn": "<Schedule.Arn>"}}
        for s in statements
    ), "EventBridge writes to a dead-letter queue only where the queue's policy says so"
    assert any(
        s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in statements
    )


def test_key_policy_lets_every_service_in():
    key = Deployment(CreateKmsKey="true").resources["Key"]["Properties"]
    assert key["EnableKeyRotation"] is True and 7 <= key["PendingWindowInDays"] <= 30
    allowed = {}
    for statement in key["KeyPolicy"]["Statement"]:
        assert statement["Effect"] == "Allow" and statement["Resource"] == "*"
        ((kind, who),) = statement["Principal"].items()
        allowed[who] = statement
    use = {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert use <= set(allowed["cloudwatch.amazonaws.com"]["Action"])
    # KMS gets no source account or ARN from EventBridge: with such a condition nothing would arrive. SQS itself
    # says which queue it is.
    events = allowed["events.amazonaws.com"]
    assert use <= set(events["Action"])
    queues = "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:*"
    assert events["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:sqs:arn": queues}}
    logs = allowed["logs.us-gov-west-1.amazonaws.com"]
    assert {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"} == set(
        logs["Action"]
    )
    assert logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].startswith("arn:aws-us-gov:logs:")
    # The account's statement is what lets the role's own policy count: the function publishes and stores.
    assert allowed["arn:aws-us-gov:iam::111122223333:root"]["Action"] == "kms:*"


@pytest.mark.parametrize(
    "parameters",
    [{"CreateKmsKey": "true"}, {"KmsKeyArn": "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/given"}],
    ids=["made", "given"],
)
def test_one_key_encrypts_all(parameters):
    deployment = Deployment(**EVERYTHING | {"CreateKmsKey": "false"} | parameters)
    key = deployment.parameters["KmsKeyArn"] or "<Key.Arn>"
    assert deployment.resources["AlertTopic"]["Properties"]["KmsMasterKeyId"] == key
    assert deployment.resources["FailureQueue"]["Properties"]["KmsMasterKeyId"] == key
    assert deployment.resources["LogGroup"]["Properties"]["KmsKeyId"] == key
    assert deployment.function["KmsKeyArn"] == key
    assert deployment.resources["SnapshotsTable"]["Properties"]["SSESpecification"]["KMSMasterKeyId"] == key
    (rule,) = deployment.resources["HistoryBucket"]["Properties"]["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert rule["BucketKeyEnabled"] is True


def test_the_default_stack_costs_no_key():
    default = json.dumps(Deployment().resources)
    assert not Deployment().of_type("AWS::KMS::Key") and "kms:" not in default and "KmsMasterKeyId" not in default


# ---- Alarms ----------------------------------------------------------------------------------------


def test_alarms(deployment):
    alarms = deployment.of_type("AWS::CloudWatch::Alarm")
    assert set(alarms) >= {"ErrorAlarm", "ThrottleAlarm", "DurationAlarm"}
    assert ("FailureQueueAlarm" in alarms) == ("FailureQueue" in deployment.resources)
    topic = deployment.function["Environment"]["Variables"]["ALERT_SNS_TOPIC_ARN"]
    for name, alarm in alarms.items():
        missed = name == "MissedRunAlarm"
        assert alarm["TreatMissingData"] == ("missing" if missed else "notBreaching"), name
        # A monitor without any run has no data: there, that is what is told.
        assert alarm.get("InsufficientDataActions") == ([topic] if missed else None), name
        assert alarm["AlarmActions"] == [topic] and alarm["OKActions"] == [topic], name
        assert "docs/OPERATIONS.md" in alarm["AlarmDescription"] and len(alarm["AlarmDescription"]) <= 1024
        periods = (
            [alarm["Period"]]
            if "Period" in alarm
            else [m["MetricStat"]["Period"] for m in alarm["Metrics"] if "MetricStat" in m]
        )
        for period in periods:
            check_period(period, alarm["EvaluationPeriods"])
        if "Metrics" in alarm:
            # CloudWatch refuses these beside a list of metrics, and wants exactly one result.
            assert not {"MetricName", "Namespace", "Statistic", "Period", "Dimensions"} & set(alarm)
            assert len([m for m in alarm["Metrics"] if m.get("ReturnData")]) == 1
        else:
            assert ("Statistic" in alarm) != ("ExtendedStatistic" in alarm)


def check_period(period, evaluations):
    assert (period in (10, 20, 30) or period % 60 == 0) and period <= 86400
    assert period * evaluations <= (604800 if period >= 3600 else 86400)


def test_the_duration_alarm_is_a_share_of_the_timeout():
    alarm = Deployment(LambdaTimeout=600).resources["DurationAlarm"]["Properties"]
    (expression,) = [m["Expression"] for m in alarm["Metrics"] if "Expression" in m]
    assert eval(expression, {"duration": 570_000}) == 95.0


def test_three_intervals_without_a_run_raise_an_alarm():
    parameter = TEMPLATE["Parameters"]["LookbackMinutes"]
    assert set(TEMPLATE["Mappings"]["Interval"]) == set(parameter["AllowedValues"])
    for minutes in parameter["AllowedValues"]:
        alarm = Deployment(LookbackMinutes=minutes).resources["MissedRunAlarm"]["Properties"]
        assert alarm["Period"] * alarm["EvaluationPeriods"] == 3 * 60 * int(minutes)
        check_period(alarm["Period"], alarm["EvaluationPeriods"])
        assert (alarm["ComparisonOperator"], alarm["Threshold"], alarm["Statistic"]) == ("LessThanThreshold", 1, "Sum")


def test_alarms_between_the_runs_cover_every_instance_and_are_off_by_default():
    assert len(Deployment(WatchThrottling="false").of_type("AWS::CloudWatch::Alarm")) == 5
    alarms = Deployment(EnableApiAlarms="true", WatchThrottling="false").of_type("AWS::CloudWatch::Alarm")
    assert len(alarms) == 7
    for name, metric in ("RejectedCallsAlarm", "CallsBreachingConcurrencyQuota"), ("ThrottledCallsAlarm", "ThrottledCalls"):
        (query,) = alarms[name]["Metrics"]
        # The metric's own dimensions, or the query finds nothing; and no GROUP BY, or it is no single value.
        assert query["Expression"] == f'SELECT SUM({metric}) FROM SCHEMA("AWS/Connect", InstanceId, MetricGroup)'
        assert query["Period"] == 60 and query["ReturnData"]


def test_every_alarm_is_explained():
    operations = (ROOT / "docs" / "OPERATIONS.md").read_text()
    for name, alarm in Deployment(EnableApiAlarms="true", WatchThrottling="true").of_type("AWS::CloudWatch::Alarm").items():
        (heading,) = re.findall(r'See "([^"]+)"', alarm["AlarmDescription"])
        assert f"### {heading}\n" in operations, name


def test_leaving_a_vpc_keeps_the_rights_until_the_function_has_left():
    """CloudFormation takes away in the opposite order: what is needed goes after what needs it."""
    deployment = Deployment(VpcId="vpc-0123456789abcdef0", SubnetIds="subnet-0123456789abcdef0")
    function = json.dumps(deployment.function)
    group, policy = deployment.resources["SecurityGroup"], deployment.resources["NetworkPolicy"]
    # The function, then the group, whose deletion waits for the function's interfaces, then the rights, then the role.
    assert "<SecurityGroup>" in function
    assert group["DependsOn"] == "NetworkPolicy"
    assert policy["Properties"]["Roles"] == ["<Role>"]
    # And the role itself is the same inside and outside: an update to leave does not touch it before the function.
    assert deployment.resources["Role"] == Deployment().resources["Role"]


def test_the_role_where_sites_have_rules():
    role = Deployment(PermissionsBoundaryArn="arn:aws:iam::1:policy/b", RolePath="/m/").resources["Role"]["Properties"]
    assert (role["PermissionsBoundary"], role["Path"]) == ("arn:aws:iam::1:policy/b", "/m/")
    role = Deployment().resources["Role"]["Properties"]
    assert "PermissionsBoundary" not in role and role["Path"] == "/"


def test_a_plain_stack_reserves_nothing():
    """Accounts with 10 executions refuse it; deploy.sh looks, a console or a StackSet cannot."""
    assert "ReservedConcurrentExecutions" not in Deployment().function
    assert Deployment(ReserveConcurrency="true").function["ReservedConcurrentExecutions"] == 1
