"""deploy.sh run whole, through the real AWS CLI, against a cloud on this machine."""

import json
import os
import shlex
import subprocess

import pytest
from conftest import ROOT

STACK = "quotas"
REGION, OTHER_REGION = "us-east-1", "eu-central-1"
EMAIL = "on-call@example.com"
#: Of the simulated account's three, because Connect's rates make three take most of a minute.
ONE_INSTANCE = ["--parameter", "IncludeInstances=acme-supp*"]


@pytest.fixture
def deploy(aws, package, tool, tmp_path):
    """Runs the script; its output is what a user would see."""

    def run(*options, zip_file=package, stack=STACK, region=REGION, fails=False, instead=None):
        """`instead`: shell code that may answer in the AWS CLI's place."""
        # moto knows no account settings.
        settings = 'case " $* " in *" get-account-settings "*) echo 1000; exit ;; esac'
        shim = tmp_path / "shim" / "aws"
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f'#!/bin/bash\n{instead or ""}\n{settings}\nexec "{tool("aws")}" "$@"\n')
        shim.chmod(0o755)
        folder = f"{shim.parent}{os.pathsep}{os.path.dirname(tool('aws'))}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LD_"))} | {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "PATH": folder + os.pathsep + os.environ["PATH"],
            "TMPDIR": str(tmp_path),
        }
        package_options = ["--zip", str(zip_file)] if zip_file else []
        done = subprocess.run(
            ["bash", ROOT / "deploy.sh", "--stack-name", stack, "--region", region, *package_options, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert (done.returncode != 0) == fails, done.stdout
        assert not list(tmp_path.glob("connect-quota-monitor.*")), "it leaves files behind"
        return done.stdout

    return run


class Stack:
    """What was created, read back through the services."""

    def __init__(self, aws, stack=STACK, region=REGION):
        self.aws, self.region = aws, region
        cloudformation = aws.client("cloudformation", region)
        self.description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in self.description.get("Outputs", [])}
        self.parameters = {p["ParameterKey"]: p["ParameterValue"] for p in self.description["Parameters"]}
        resources = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        self.ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}

    def client(self, service):
        return self.aws.client(service, self.region)

    @property
    def function(self):
        return self.client("lambda").get_function(FunctionName=self.outputs["FunctionName"])["Configuration"]

    @property
    def environment(self):
        return {name: str(value) for name, value in self.function["Environment"]["Variables"].items()}

    @property
    def granted(self):
        role = self.ids["Role"]
        iam = self.client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return set(names), json.dumps(documents)


def test_a_stack_from_nothing_to_nothing(deploy, aws, measured, package):
    aws.measured = measured

    created = deploy("--email", EMAIL, "--pacing", "per-operation", *ONE_INSTANCE)
    stack = Stack(aws)
    assert stack.description["StackStatus"] == "CREATE_COMPLETE"
    assert "is NOT SUBSCRIBED YET" in created or "is subscribed" in created
    # The real code is there from the first deployment on, and it ran.
    (_, first, sent), (_, second, measured_answer) = aws.invocations
    assert json.loads(first) == {"test_alert": True} and json.loads(second) == {"dry_run": True}
    assert json.loads(sent)["alerts"]["sent"] == 1
    report = json.loads(measured_answer)
    assert report["dry_run"]
    measured_count = len([i for i in report["instances"] if i["status"] != "skipped"])
    assert measured_count == 1
    assert f"Violations: {report['violations']}." in created
    # The account and its one instance that is looked at; the services' own states are none of these.
    statuses = sorted(i["status"] for i in [report["account"], *report["instances"]])
    counted = ", ".join(f"{statuses.count(status)} {status}" for status in sorted(set(statuses)))
    assert f"Instances and the account: {counted}. " in created
    assert f"The function runs version {report['version']}\n" in created and stack.outputs["Version"] == report["version"]
    worst = [m for i in report["instances"] for m in i.get("metrics", []) if m["status"] in ("warning", "critical")]
    assert worst and worst[0]["quota_name"] in created
    measured_one = next(i for i in report["instances"] if i["status"] != "skipped")
    assert f"%), {measured_one['instance_alias']}\n" in created, "whose violation it is"

    # As the contract keys it.
    table = stack.client("dynamodb").describe_table(TableName=stack.outputs["TableName"])["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "subject", "KeyType": "HASH"},
        {"AttributeName": "timestamp", "KeyType": "RANGE"},
    ]
    assert {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]} == {
        "subject": "S",
        "timestamp": "S",
    }
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    dynamodb = stack.client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=stack.outputs["TableName"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName=stack.outputs["TableName"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"

    function = stack.function
    assert (function["Runtime"], function["Handler"], function["MemorySize"], function["Timeout"]) == (
        "provided.al2023",
        "bootstrap",
        256,
        900,
    )
    assert function["Architectures"] == ["x86_64"], "the architecture is the package's"
    concurrency = stack.client("lambda").get_function_concurrency(FunctionName=function["FunctionName"])
    assert concurrency["ReservedConcurrentExecutions"] == 1

    # A full run, as the schedule makes it, stores what the template lets it store.
    answer = stack.client("lambda").invoke(FunctionName=function["FunctionName"], Payload=b"{}")
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read())["snapshots"]["dynamodb"] == measured_count + 1
    stored = [item["timestamp"]["S"] for item in dynamodb.scan(TableName=stack.outputs["TableName"])["Items"]]
    assert stored.count("#ledger") == measured_count + 1, "one ledger for each subject"
    assert len(stored) == 2 * (measured_count + 1)

    # The schedule, with its own retries and queue, and who may start and fill what.
    events = stack.client("events")
    rule = events.describe_rule(Name=stack.ids["Schedule"])
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    (target,) = events.list_targets_by_rule(Rule=stack.ids["Schedule"])["Targets"]
    queue_arn = target["DeadLetterConfig"]["Arn"]
    assert target["Arn"] == function["FunctionArn"] and target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    permission = json.loads(stack.client("lambda").get_policy(FunctionName=function["FunctionName"])["Policy"])
    assert rule["Arn"] in json.dumps(permission) and "events.amazonaws.com" in json.dumps(permission)

    asynchronous = stack.client("lambda").get_function_event_invoke_config(FunctionName=function["FunctionName"])
    assert asynchronous["DestinationConfig"]["OnFailure"]["Destination"] == queue_arn
    assert (asynchronous["MaximumRetryAttempts"], asynchronous["MaximumEventAgeInSeconds"]) == (1, 3600)
    queue = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs["FailureQueueUrl"], AttributeNames=["All"])[
        "Attributes"
    ]
    assert queue["QueueArn"] == queue_arn and queue["SqsManagedSseEnabled"] == "true"
    allowed, denied = json.loads(queue["Policy"])["Statement"]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"] == rule["Arn"]
    assert denied["Effect"] == "Deny"

    topic = stack.client("sns").get_topic_attributes(TopicArn=stack.outputs["TopicArn"])["Attributes"]
    alarms_may, only_tls = json.loads(topic["Policy"])["Statement"]
    assert alarms_may["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and only_tls["Effect"] == "Deny"
    assert "KmsMasterKeyId" not in topic
    (subscription,) = stack.client("sns").list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", EMAIL)

    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) == 8, "five on the monitor, three on its watches"
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic["TopicArn"]]
    (dashboard,) = stack.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert dashboard["DashboardName"] == stack.outputs["DashboardName"]
    groups = {group["logGroupName"]: group["retentionInDays"] for group in stack.client("logs").describe_log_groups()["logGroups"]}
    assert groups == {stack.outputs["LogGroupName"]: 30, stack.ids["WatchLogGroup"]: 30}
    policies, _ = stack.granted
    assert policies == {"measure", "alarms", "report", "table", "watches"}
    # The watches: calls that only read get through, too, and what the queue does not take is kept.
    watch = events.describe_rule(Name=stack.ids["WatchRule"])
    assert watch["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" and watch["EventBusName"] == "default"
    (target,) = events.list_targets_by_rule(Rule=stack.ids["WatchRule"])["Targets"]
    assert target["Arn"].startswith("arn:aws:sqs:") and "WatchDeadLetters" in target["DeadLetterConfig"]["Arn"]

    # The package is private, and is there under its content's hash.
    bucket = stack.parameters["CodeS3Bucket"]
    s3 = stack.client("s3")
    assert s3.head_object(Bucket=bucket, Key=stack.parameters["CodeS3Key"])["ContentLength"] == package.stat().st_size
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]

    # Nothing changed.
    again = deploy("--skip-checks")
    assert "No changes to deploy" in again and "very package" in again
    assert Stack(aws).parameters == stack.parameters

    # Other parameters; those not given stay.
    deploy("--threshold", "70", "--schedule", "rate(30 minutes)", "--skip-checks")
    updated = Stack(aws)
    assert updated.description["StackStatus"] == "UPDATE_COMPLETE"
    assert updated.environment["THRESHOLD_PERCENTAGE"] == "70"
    assert updated.environment["LOOKBACK_MINUTES"] == "30"
    assert updated.environment["CONNECT_PACING"] == "per-operation"
    assert updated.parameters["NotificationEmail"] == EMAIL
    rule = events.describe_rule(Name=updated.ids["Schedule"])
    assert rule["ScheduleExpression"] == "rate(30 minutes)"

    deleted = deploy("--delete", "--yes", zip_file=None)
    assert f"\nWill be kept: table {stack.outputs['TableName']}" in deleted
    assert f"\nKept: table {stack.outputs['TableName']}" in deleted
    assert dynamodb.list_tables()["TableNames"] == [stack.outputs["TableName"]], "the history is kept"
    assert not stack.client("lambda").list_functions()["Functions"]
    assert not [b["Name"] for b in s3.list_buckets()["Buckets"]], "the package's bucket is gone"
    assert "There is no stack" in deploy("--delete", "--yes", zip_file=None)


def test_new_code_rolls(deploy, aws, package, tmp_path):
    import zipfile

    deploy("--skip-checks")
    before = Stack(aws)
    code = before.function["CodeSha256"]
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(changed, "w") as new:
        entry = zipfile.ZipInfo("bootstrap")
        entry.create_system, entry.external_attr = 3, 0o100755 << 16
        new.writestr(entry, old.read("bootstrap") + b"\n")
    deploy("--skip-checks", zip_file=changed)
    after = Stack(aws)
    assert before.parameters["CodeS3Key"] != after.parameters["CodeS3Key"]
    assert code != after.function["CodeSha256"]
    # Rolling back is deploying the old package again, which is still there.
    assert "very package" in deploy("--skip-checks")
    assert Stack(aws).function["CodeSha256"] == code


def test_everything_switched_off(deploy, aws):
    topic = aws.client("sns", REGION).create_topic(Name="shared")["TopicArn"]
    deploy(
        "--no-dynamodb",
        "--no-s3",
        "--topic-arn",
        topic,
        "--no-reserved-concurrency",
        "--parameter",
        "EnableMissedRunAlarm=false",
        "--parameter",
        "EnableDashboard=false",
        "--skip-checks",
    )
    stack = Stack(aws)
    assert "TableName" not in stack.outputs and "BucketName" not in stack.outputs
    assert not aws.client("dynamodb", REGION).list_tables()["TableNames"]
    assert stack.environment["ALERT_SNS_TOPIC_ARN"] == stack.outputs["TopicArn"] == topic
    assert stack.environment["USE_DYNAMODB"] == "false" and stack.environment["DYNAMODB_TABLE"] == ""
    assert len(stack.client("sns").list_topics()["Topics"]) == 1
    assert not stack.client("sns").list_subscriptions()["Subscriptions"]
    assert len(stack.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 4
    assert not stack.client("cloudwatch").list_dashboards()["DashboardEntries"]
    policies, granted = stack.granted
    assert policies == {"measure", "alarms", "report"} and topic in granted
    concurrency = stack.client("lambda").get_function_concurrency(FunctionName=stack.outputs["FunctionName"])
    assert "ReservedConcurrentExecutions" not in concurrency


def test_everything_switched_on(deploy, aws, measured):
    aws.measured = measured
    ec2 = aws.client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")["Subnet"]["SubnetId"] for i in (1, 2)]
    deploy(
        "--email",
        EMAIL,
        "--s3",
        "--no-keep-data",
        "--create-kms-key",
        "--vpc-id",
        vpc,
        "--subnet-ids",
        ", ".join(subnets),
        "--parameter",
        "EnableTracing=true",
        "--parameter",
        "EnableApiAlarms=true",
        "--parameter",
        "ManageInstanceAlarms=true",
        "--pacing=per-operation",
        "--history-days",
        "7",
        "--memory",
        "512",
        "--timeout=600",
        *ONE_INSTANCE,
    )
    stack = Stack(aws)
    key = stack.outputs["KeyArn"]

    # One key for all: table, bucket, topic, queue, logs and environment.
    table = stack.client("dynamodb").describe_table(TableName=stack.outputs["TableName"])["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    s3 = stack.client("s3")
    bucket = stack.outputs["BucketName"]
    (encryption,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    topic = stack.client("sns").get_topic_attributes(TopicArn=stack.outputs["TopicArn"])["Attributes"]
    assert topic["KmsMasterKeyId"] == key
    queue = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs["FailureQueueUrl"], AttributeNames=["All"])[
        "Attributes"
    ]
    assert queue["KmsMasterKeyId"] == key
    assert stack.client("logs").describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    assert stack.function["KMSKeyArn"] == key
    key_policy = json.loads(stack.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    principals = [s["Principal"].get("Service") for s in key_policy["Statement"]]
    assert {"cloudwatch.amazonaws.com", "events.amazonaws.com", f"logs.{REGION}.amazonaws.com"} <= set(principals)
    assert stack.client("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]

    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Expiration"]["Days"] == 7
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)

    function = stack.function
    assert sorted(function["VpcConfig"]["SubnetIds"]) == sorted(subnets)
    assert function["VpcConfig"]["SecurityGroupIds"] == [stack.ids["SecurityGroup"]]
    assert function["TracingConfig"]["Mode"] == "Active"
    assert (function["MemorySize"], function["Timeout"]) == (512, 600)
    (egress,) = ec2.describe_security_groups(GroupIds=[stack.ids["SecurityGroup"]])["SecurityGroups"][0][
        "IpPermissionsEgress"
    ]
    assert (egress["FromPort"], egress["ToPort"], egress["IpProtocol"]) == (443, 443, "tcp")
    policies, _ = stack.granted
    assert policies == {"measure", "alarms", "report", "table", "watches", "bucket", "key", "trace", "network"}
    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    queries = [m["Expression"] for alarm in alarms for m in alarm.get("Metrics", []) if "SCHEMA" in m.get("Expression", "")]
    assert len(alarms) == 10 and len(queries) == 2

    # Every store takes a run, and the bucket that now holds objects does not stop the deletion.
    answer = stack.client("lambda").invoke(FunctionName=function["FunctionName"], Payload=b"")
    stored = json.loads(answer["Payload"].read())["snapshots"]
    assert stored["dynamodb"] == stored["s3"] > 1 and stored["failed"] == 0
    keys = {o["Key"].split("/")[0] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {"connect-metrics", "connect-reports"}
    # What the function keeps itself is removed by it, before it goes.
    kept = stack.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{STACK}/{REGION}/instance/id/ThrottledCalls",
        Namespace="AWS/Connect",
        MetricName="ThrottledCalls",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert kept
    deleted = deploy("--delete", "--yes", zip_file=None)
    _, payload, removed = aws.invocations[-1]
    assert json.loads(payload) == {"remove_api_alarms": True}
    assert json.loads(removed)["api_alarms"]["deleted"] == 3 and "Removed 3 alarms" in deleted
    assert f"Kept: key {key.rsplit('/')[-1]}" in deleted.replace(key, key.rsplit("/")[-1])
    assert not s3.list_buckets()["Buckets"] and not stack.client("dynamodb").list_tables()["TableNames"]


def test_existing_bucket_and_key(deploy, aws):
    s3 = aws.client("s3", REGION)
    s3.create_bucket(Bucket="our-archive")
    s3.create_bucket(Bucket="our-packages")
    key = aws.client("kms", REGION).create_key()["KeyMetadata"]["Arn"]
    said = deploy("--bucket", "our-archive", "--kms-key-arn", key, "--code-bucket", "our-packages", "--skip-checks")
    assert "does not name cloudwatch.amazonaws.com" in said
    stack = Stack(aws)
    assert stack.environment["S3_BUCKET"] == stack.outputs["BucketName"] == "our-archive"
    assert stack.environment["USE_S3_STORAGE"] == "true"
    policies, granted = stack.granted
    assert {"bucket", "key"} <= policies and "arn:aws:s3:::our-archive/connect-metrics/*" in granted
    assert key in granted
    assert stack.parameters["CodeS3Bucket"] == "our-packages"
    assert "our-packages already" in deploy("--skip-checks"), "what was given once stays"
    said = deploy("--delete", "--yes", "--code-bucket", "our-packages", zip_file=None)
    assert {b["Name"] for b in s3.list_buckets()["Buckets"]} == {"our-archive", "our-packages"}


def test_kept_bucket(deploy, aws):
    deploy("--s3", "--skip-checks", "--no-dynamodb")
    bucket = Stack(aws).outputs["BucketName"]
    assert f"Kept: bucket {bucket}" in deploy("--delete", "--yes", zip_file=None)
    assert [b["Name"] for b in aws.client("s3", REGION).list_buckets()["Buckets"]] == [bucket]


def test_stacks_do_not_meet(deploy, aws):
    """Two in one Region, one in another; nothing has a fixed name."""
    for stack, region in ((STACK, REGION), ("second", REGION), (STACK, OTHER_REGION)):
        deploy("--s3", "--skip-checks", stack=stack, region=region)
    # Each with its watch function.
    assert len(aws.client("lambda", REGION).list_functions()["Functions"]) == 4
    package = Stack(aws, STACK, OTHER_REGION).parameters["CodeS3Bucket"]
    assert aws.client("s3").get_bucket_location(Bucket=package)["LocationConstraint"] == OTHER_REGION
    assert len(aws.client("lambda", OTHER_REGION).list_functions()["Functions"]) == 2
    deploy("--delete", "--yes", zip_file=None)
    assert Stack(aws, "second").function and Stack(aws, STACK, OTHER_REGION).function


AWKWARD = (
    """{"L-12AB7C57": {"mute": {"reason": "it's \\"known\\", see #1, 100% & <ok>; $HOME `x` \\\\ é","""
    """ "until": "2030-01-01"}}}"""
)


def test_awkward_values_survive(deploy, aws):
    deploy(
        "--skip-checks",
        "--parameter",
        f"QuotaOverrides={AWKWARD}",
        "--parameter=IncludeInstances=acme *, it's [a-z]=?",
        "--schedule",
        "cron(0 8,12 ? * MON-FRI *)",
        "--lookback-minutes",
        "240",
    )
    stack = Stack(aws)
    assert stack.environment["QUOTA_OVERRIDES"] == AWKWARD
    assert stack.environment["INCLUDE_INSTANCES"] == "acme *, it's [a-z]=?"
    assert stack.environment["LOOKBACK_MINUTES"] == "240"
    assert stack.parameters["ScheduleExpression"] == "cron(0 8,12 ? * MON-FRI *)"


def test_dry_run_prints_every_command_and_calls_nothing(deploy, aws):
    awkward = "a b,'\"@example.com"
    said = deploy("--dry-run", "--parameter", f"IncludeInstances={awkward}", "--s3", "--profile", "my profile")
    commands = [shlex.split(line[1:]) for line in said.splitlines() if line.startswith("+")]
    called = [c[c.index("--region") + 2 :][:2] for c in commands if c[0] == "aws" or c[:1] == ["env"]]
    assert ["cloudformation", "deploy"] in called and ["s3api", "put-object"] in called
    assert ["s3api", "create-bucket"] in called and called.count(["lambda", "invoke"]) == 2
    assert all(c[1:3] == ["--profile", "my profile"] for c in commands if c[0] == "aws")
    assert json.dumps(f"IncludeInstances={awkward}") in said
    assert [c for c in commands if "doctor" in c][0][-2:] == ["--profile", "my profile"]
    assert not aws.client("cloudformation", REGION).list_stacks()["StackSummaries"]
    assert not aws.client("s3").list_buckets()["Buckets"]
    said = deploy("--dry-run", "--delete", zip_file=None)
    assert "delete-stack" in said and "s3 rm" in said


def test_it_ends_with_doctor_where_the_command_is_installed(deploy, aws, measured, tmp_path):
    aws.measured = measured
    options = ["--s3", "--pacing", "per-operation", *ONE_INSTANCE]
    said = deploy(*options)
    stack = Stack(aws)
    line = next(line for line in said.splitlines() if "connect-quota-monitor doctor" in line)
    told = shlex.split(line)
    want = {
        f"ALERT_SNS_TOPIC_ARN={stack.outputs['TopicArn']}",
        "USE_DYNAMODB=true",
        f"DYNAMODB_TABLE={stack.outputs['TableName']}",
        "USE_S3_STORAGE=true",
        f"S3_BUCKET={stack.outputs['BucketName']}",
    }
    assert told[0] == "env" and set(told[1:6]) == want and told[6:] == ["connect-quota-monitor", "doctor", "--region", REGION]

    # What it finds is told, and is no failure of the deployment.
    stub = tmp_path / "shim" / "connect-quota-monitor"
    stub.write_text('#!/bin/bash\necho "$*" "$DYNAMODB_TABLE"\necho "broken     topic: nobody"\nexit 2\n')
    stub.chmod(0o755)
    said = deploy(*options)
    assert f"doctor --region {REGION} {stack.outputs['TableName']}\n" in said
    assert "broken     topic" in said and "warning: doctor found something amiss" in said
    assert "doctor" not in deploy("--skip-checks", *options)


def test_a_failed_test_alert_is_a_failed_deployment(deploy, aws):
    """Connect cannot be reached: the dry run fails, and so does the script, with the function's own error."""
    said = deploy("--email", EMAIL, fails=True)
    assert "DiscoveryError" in said and "the dry run failed" in said


def test_the_summary_is_short_and_hides_nothing(deploy, tmp_path):
    row = {
        "quota_code": "L-1",
        "quota_name": "Queues, all",
        "status": "warning",
        "usage": 45.0,
        "limit": 50.0,
        "utilization": 90.0,
    }
    fault = {"kind": "denied", "message": 'no "right" {x}', "operation": "connect:ListRules"}
    metrics = [row] * 23 + [{**row, "status": "ok"}, {**row, "status": "unknown", "fault": fault}]
    rejecting = {**row, "quota_name": "Concurrent calls", "rejected": 340.0, "status": "critical", "utilization": 62.0}
    answer = {
        "account": {"account_id": "1", "metrics": [{**row, "status": "critical"}, {**row, "status": "ok"}], "status": "complete"},
        "duration_ms": 1200,
        "faults": [fault],
        "instances": [
            {"instance_alias": "", "instance_id": "0a1b", "metrics": [row], "status": "complete"},
            {"instance_alias": "acme", "instance_id": "2c3d", "metrics": metrics[2:], "status": "partial"},
            {"instance_alias": "other", "instance_id": "4e5f", "metrics": [], "status": "skipped"},
        ],
        "services": [{"note": "no network", "service_code": "cases", "status": "failed"}],
        "violations": 24,
    }
    answer["instances"][0]["metrics"].append(rejecting)
    (tmp_path / "answer.json").write_text(json.dumps(answer, sort_keys=True, separators=(",", ":")))
    canned = f'case " $* " in *" lambda invoke "*) cp "{tmp_path}/answer.json" "${{@: -1}}"; echo None; exit ;; esac'
    said = deploy(instead=canned)
    assert "Instances and the account: 2 complete, 1 partial, 1 skipped. Violations: 24. Took 1200 ms." in said
    assert "critical: Concurrent calls, 45 of 50 (62 %), 340 REJECTED, 0a1b" in said, "why it is critical"
    assert said.count("warning: Queues, all, 45 of 50 (90 %), acme") == 17 and "and 4 more" in said
    assert said.count("critical: Queues, all, 45 of 50 (90 %), the account") == 1
    assert said.count("warning: Queues, all, 45 of 50 (90 %), 0a1b") == 1, "an instance without alias has its id"
    assert said.count("not seen: connect:ListRules (denied)\n") == 1


def test_an_account_without_spare_concurrency(deploy, aws):
    settings = 'case " $* " in *" get-account-settings "*) echo 100; exit ;; esac'
    assert "none is reserved for the monitor" in deploy("--skip-checks", instead=settings)
    function = Stack(aws).outputs["FunctionName"]
    concurrency = aws.client("lambda", REGION).get_function_concurrency(FunctionName=function)
    assert "ReservedConcurrentExecutions" not in concurrency


def test_a_failed_deployment_shows_why(deploy):
    broken = """case " $* " in
  *" cloudformation deploy "*) echo "Failed to create/update the stack" >&2; exit 255 ;;
  *" describe-stack-events "*) echo "Function CREATE_FAILED Access denied by an SCP"; exit ;;
esac"""
    said = deploy("--skip-checks", instead=broken, fails=True)
    assert "Access denied by an SCP" in said and said.strip().endswith(f"error: stack {STACK} was not deployed")


def test_what_an_earlier_failure_left_is_cleared_away(deploy, aws):
    from moto.cloudformation.models import cloudformation_backends

    deploy("--skip-checks")
    (stack,) = cloudformation_backends["123456789012"][REGION].stacks.values()
    stack.status = "ROLLBACK_COMPLETE"
    assert "Delete it? Nobody is there to answer" in deploy("--skip-checks", fails=True)
    deploy("--skip-checks", "--yes")
    assert Stack(aws).description["StackStatus"] == "CREATE_COMPLETE"
    assert Stack(aws).description["StackId"] != stack.stack_id
    (stack,) = cloudformation_backends["123456789012"][REGION].stacks.values()
    stack.status = "UPDATE_IN_PROGRESS"
    assert "is busy (UPDATE_IN_PROGRESS)" in deploy("--skip-checks", fails=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--thresold", "80"], "unknown option '--thresold'"),
        (["--email"], "--email needs a value"),
        (["--schedule", "rate(7 minutes)"], "every 7 minutes"),
        (["--schedule", "rate(soon)"], "is no rate"),
        (["--arch", "mips"], "neither arm64 nor x86_64"),
        (["--arch", "arm64"], "is for x86_64, not for arm64"),
        (["--zip", "/nowhere.zip"], "cannot be read"),
        (["--zip", __file__], "is no package for Lambda"),
        (["--topic-arn", "arn:aws:sns:us-west-2:123456789012:x"], "is not in us-east-1"),
        (["--parameter", "x"], "is not NAME=VALUE"),
        (["--stack-name", "no_underscores"], "must be letters, digits and hyphens"),
        (["--stack-name", "no.dots"], "must be letters, digits and hyphens"),
        (["--parameter", "ManageAPIAlarms=true"], "no parameter ManageAPIAlarms in template.yaml; is ManageApiAlarms meant?"),
    ],
)
def test_mistakes_are_named(deploy, options, message):
    assert message in deploy(*options, fails=True)


def test_deletion_asks(deploy, aws):
    deploy("--skip-checks")
    assert "say --yes" in deploy("--delete", zip_file=None, fails=True)
    assert Stack(aws).function


def test_missing_prerequisites_are_named(deploy, tmp_path):
    import shutil

    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "cat", "dirname", "mktemp", "rm", "env"):
        (folder / name).symlink_to(shutil.which(name))
    script = ["bash", str(ROOT / "deploy.sh"), "--email", EMAIL]

    def said(**environment):
        done = subprocess.run(script, env={"PATH": str(folder), **environment}, text=True, capture_output=True)
        assert done.returncode != 0
        return done.stderr

    assert "the AWS CLI is not installed" in said()
    (folder / "aws").write_text("#!/bin/bash\nexit 255\n")
    (folder / "aws").chmod(0o755)
    assert "no Region" in said()
    assert "no AWS credentials that work" in said(AWS_REGION="us-east-1")
    (folder / "aws").write_text("#!/bin/bash\necho arn:aws:iam::123456789012:user/x\n")
    for name in ("cut", "tr", "unzip"):
        (folder / name).symlink_to(shutil.which(name))
    assert "Rust is not installed" in said(AWS_REGION="us-east-1")
    (folder / "cargo").write_text("#!/bin/bash\nexit 101\n")
    (folder / "cargo").chmod(0o755)
    assert "cargo-lambda is not installed" in said(AWS_REGION="us-east-1")
