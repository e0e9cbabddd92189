"""The stack on a second engine: LocalStack, whose CloudFormation, Lambda, EventBridge, SNS, SQS, S3, KMS, IAM and
CloudWatch alarms are its own, and not moto's. `tests/all.sh --deep` runs this.

deploy.sh runs whole, with the real AWS CLI, and the real program answers. Unlike moto, this engine also delivers: a
schedule starts runs, a topic's messages arrive, an alarm publishes, what fails goes to its queue, an event that a rule
matches reaches the watch.

What it cannot prove is listed here, in GAPS and LIMITS.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from conftest import HERE, ROOT, target
from template import TEMPLATE
from test_deploy import ONE_INSTANCE, Stack

#: What LocalStack leaves out, each looked for: the day it can, its test fails, and has to assert more.
GAPS = {
    "dashboard": "AWS::CloudWatch::Dashboard is skipped. test_dashboard.py reads its body, and test_deploy.py makes it.",
    "recovery": "A table's point-in-time recovery is not switched on. test_deploy.py asserts it.",
    "logs": "A log group gets neither retention nor key. test_deploy.py asserts both.",
    "bucket": "A bucket gets neither encryption nor lifecycle nor public access block. test_deploy.py asserts them.",
    "egress": "A security group's egress rules are left out. test_deploy.py asserts them.",
    "environment": "A function's key is not kept. test_deploy.py asserts it.",
    "concurrency": "A function's reserved concurrency is left out. test_deploy.py asserts it.",
    "updates": "An update leaves rules, alarms and log groups as they are. test_deploy.py updates a rule.",
    "retained": "RetainExceptOnCreate keeps nothing. test_deploy.py asserts it, by an addition of ours to moto.",
    "patterns": "AllowedPattern and Rules are not looked at. test_rules.py evaluates them, test_refused.py asserts what deploy.sh refuses.",
}

#: What no assertion here could tell.
LIMITS = [
    "No permission is enforced: neither the role's, nor a topic's, queue's, bucket's or key's policy. See test_iam.py.",
    "An update that changes a condition: this engine evaluates Fn::If for before and after alike. Only other parameters change here.",
    "A creation or an update that fails, and is rolled back. test_interrupted.py and test_refused.py have deploy.sh's part of it.",
    "DynamoDB, EC2 and CloudWatch Logs are moto here too.",
    "Connect, its sister services, Service Quotas and their metrics are the simulated ones; alarms that the function keeps go there.",
    "An alarm's own evaluation: its periods are too long, and expressions are not evaluated. See test_alarm_days.py.",
    "A mail, its confirmation, and what a subscription that waits for it gets.",
    "A VPC's network, X-Ray, the architecture: the function is a process of this machine.",
    "CloudTrail's own events: the test puts one of their form on the default bus, which AWS itself would refuse.",
    "Trails: there is no CloudTrail, and deploy.sh says that it cannot see them. See test_trail.py.",
]

ACCOUNT, REGION, STACK = "111122223333", "us-east-1", "quotas"
EMAIL = "on-call@example.com"
#: A quota of the simulated instance that is full.
FULL = ("L-22922690", "Contact flows per instance")
GENESYS_BUS = "aws.partner/genesys.com/cloud/1/x"


def gap(name, is_there):
    """A gap of the engine's that is still there."""
    assert name in GAPS
    assert not is_there, f"LocalStack can now: {GAPS[name]} Assert it here, and take it from GAPS."


def eventually(seconds, what, look):
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(1)
    raise AssertionError(f"not within {seconds} s: {what}")


class Engine:
    """LocalStack in a process of its own, with a folder of its own."""

    def __init__(self, folder, measured):
        self.measured, self._log = measured, folder / "log"
        # LocalStack chooses no port itself.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "FILESYSTEM_ROOT": str(folder / "files"),
            "TMPDIR": str(folder),
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "MEASURED": measured,
            # On the host, wherever that is, and asking nobody outside.
            "OVERRIDE_IN_DOCKER": "0",
            "DNS_ADDRESS": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
            "LAMBDA_RETRY_BASE_DELAY": "1",
        }
        python = target() / "venv-localstack" / "bin" / "python"
        with self._log.open("w") as log:
            command = [python, HERE / "localstack_engine.py"]
            # A group of its own: its functions are processes too.
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        eventually(120, "LocalStack is ready", self._is_ready)

    def _is_ready(self):
        assert self._process.poll() is None, self.log
        try:
            with urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=10) as answer:
                return json.load(answer)["services"]
        except OSError:
            return None

    @property
    def log(self):
        return self._log.read_text()[-10_000:]

    def stop(self):
        # It has nothing to keep, and takes half a minute to end by itself.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def client(self, service, region=REGION):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            # The account is what the key says.
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="testing",
            config=Config(read_timeout=300, retries={"max_attempts": 1}),
        )

    def invoke(self, stack, payload, **more):
        answer = self.client("lambda").invoke(
            FunctionName=stack.outputs["FunctionName"], Payload=json.dumps(payload).encode(), **more
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        text = answer["Payload"].read()
        return json.loads(text) if text else None

    def everything(self):
        """What there is, by kind."""
        of = self.client
        return {
            "function": [f["FunctionName"] for f in of("lambda").list_functions()["Functions"]],
            "mapping": [m["UUID"] for m in of("lambda").list_event_source_mappings()["EventSourceMappings"]],
            "rule": [r["Name"] for r in of("events").list_rules()["Rules"]],
            "topic": [t["TopicArn"] for t in of("sns").list_topics()["Topics"]],
            "queue": of("sqs").list_queues().get("QueueUrls", []),
            "bucket": [b["Name"] for b in of("s3").list_buckets()["Buckets"]],
            "alarm": [a["AlarmName"] for a in of("cloudwatch").describe_alarms()["MetricAlarms"]],
            "table": of("dynamodb").list_tables()["TableNames"],
            "log group": [g["logGroupName"] for g in of("logs").describe_log_groups()["logGroups"]],
            "role": [r["RoleName"] for r in of("iam").list_roles()["Roles"]],
        }


@pytest.fixture(scope="session")
def cloud(measured, tmp_path_factory):
    engine = Engine(tmp_path_factory.mktemp("localstack"), measured)
    yield engine
    engine.stop()


@pytest.fixture
def deploy(cloud, package, tool, tmp_path):
    """Runs the script; its output is what a user would see."""

    def run(*options, zip_file=package):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LD_"))} | {
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ENDPOINT_URL_CONNECT": cloud.measured,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "PATH": f"{Path(tool('aws')).parent}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(tmp_path),
        }
        package_options = ["--zip", str(zip_file)] if zip_file else []
        done = subprocess.run(
            ["bash", ROOT / "deploy.sh", "--stack-name", STACK, "--region", REGION, *package_options, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{done.stdout}\n{cloud.log}"
        assert not list(tmp_path.glob("connect-quota-monitor.*")), "it leaves files behind"
        return done.stdout

    return run


@pytest.fixture
def changed(package, tmp_path):
    """Another package of the same program."""
    path = tmp_path / "changed.zip"
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        entry = zipfile.ZipInfo("bootstrap")
        entry.create_system, entry.external_attr, entry.compress_type = 3, 0o100755 << 16, zipfile.ZIP_DEFLATED
        new.writestr(entry, old.read("bootstrap") + b"\n")
    return path


class Listener:
    """A queue that gets what a topic gets."""

    def __init__(self, cloud, topic):
        self._sqs, name = cloud.client("sqs"), f"listener-{time.monotonic_ns()}"
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def gets(self, seconds, what):
        """The next message."""
        look = lambda: self._sqs.receive_message(QueueUrl=self._url, WaitTimeSeconds=1).get("Messages")  # noqa: E731
        (message,) = eventually(seconds, what, look)
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    def stop(self):
        self._sqs.delete_queue(QueueUrl=self._url)


def items(cloud, stack):
    """(subject, kind) of all items in the table."""
    found = cloud.client("dynamodb").scan(TableName=stack.outputs["TableName"])["Items"]
    return [(item["subject"]["S"], item["timestamp"]["S"]) for item in found]


def attributes(cloud, url):
    return cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def resources_made(stack, without=()):
    """Each resource of the template whose condition holds is there, and no other."""
    made = {name for name, resource in TEMPLATE["Resources"].items() if resource.get("Condition") not in without}
    assert set(stack.ids) == made


#: Conditions that do not hold in a stack of defaults with an address.
OFF_BY_DEFAULT = {
    *("MakeKey", "InVpc", "WatchesGenesys", "WatchApis"),
    *("MakeDisposableTable", "MakeKeptBucket", "MakeDisposableBucket"),
}


def test_a_stack_from_nothing_to_nothing(cloud, deploy, package, changed):
    said = deploy("--email", EMAIL, "--pacing", "per-operation", *ONE_INSTANCE)
    stack = Stack(cloud)
    assert stack.description["StackStatus"] == "CREATE_COMPLETE"
    resources_made(stack, OFF_BY_DEFAULT)
    # Three instances of which one is looked at, and the account.
    assert "Instances and the account: 2 complete, 2 skipped. Violations: " in said
    assert "not seen" not in said and "Connect instance" not in said, "Connect answers deploy.sh, too"
    assert f"critical: {FULL[1]}, " in said
    assert f"The function runs version {stack.outputs['Version']}\n" in said
    gap("dashboard", stack.outputs["DashboardName"] != "unknown")

    function = stack.function
    assert (function["Runtime"], function["Handler"], function["MemorySize"], function["Timeout"]) == (
        "provided.al2023",
        "bootstrap",
        256,
        900,
    )
    assert function["Architectures"] == ["x86_64"]
    assert function["TracingConfig"]["Mode"] == "PassThrough" and "KMSKeyArn" not in function
    assert function["LoggingConfig"]["LogGroup"] == stack.outputs["LogGroupName"] == stack.ids["LogGroup"]
    environment = stack.environment
    assert set(environment) == set(TEMPLATE["Resources"]["Function"]["Properties"]["Environment"]["Variables"])
    topic = stack.outputs["TopicArn"]
    expected = {
        "THRESHOLD_PERCENTAGE": "80",
        "ALERT_SNS_TOPIC_ARN": topic,
        "DYNAMODB_TABLE": stack.ids["SnapshotsTable"],
        "S3_BUCKET": "",
        "CONNECT_PACING": "per-operation",
        "INCLUDE_INSTANCES": ONE_INSTANCE[1].partition("=")[2],
        "API_ALARM_PREFIX": STACK,
    }
    assert {name: environment[name] for name in expected} == expected

    dynamodb = cloud.client("dynamodb")
    table = dynamodb.describe_table(TableName=stack.outputs["TableName"])["Table"]
    assert [(k["AttributeName"], k["KeyType"]) for k in table["KeySchema"]] == [("subject", "HASH"), ("timestamp", "RANGE")]
    ttl = dynamodb.describe_time_to_live(TableName=stack.outputs["TableName"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName=stack.outputs["TableName"])["ContinuousBackupsDescription"]
    gap("recovery", backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED")
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=stack.ids["LogGroup"])["logGroups"]
    gap("logs", "retentionInDays" in group)

    events, lambda_ = cloud.client("events"), cloud.client("lambda")
    concurrency = lambda_.get_function_concurrency(FunctionName=function["FunctionName"])
    gap("concurrency", "ReservedConcurrentExecutions" in concurrency)
    assert stack.parameters["ReserveConcurrency"] == "true"
    rule = events.describe_rule(Name=stack.ids["Schedule"])
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    (found,) = events.list_targets_by_rule(Rule=stack.ids["Schedule"])["Targets"]
    queue = attributes(cloud, stack.outputs["FailureQueueUrl"])
    assert found["Arn"] == function["FunctionArn"] and found["DeadLetterConfig"] == {"Arn": queue["QueueArn"]}
    assert found["RetryPolicy"] == {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3600}
    (permission,) = json.loads(lambda_.get_policy(FunctionName=function["FunctionName"])["Policy"])["Statement"]
    assert permission["Principal"] == {"Service": "events.amazonaws.com"}
    assert permission["Condition"] == {"ArnLike": {"AWS:SourceArn": rule["Arn"]}}
    allowed, denied = json.loads(queue["Policy"])["Statement"]
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": rule["Arn"]}} and denied["Effect"] == "Deny"
    assert queue["MessageRetentionPeriod"] == "1209600" and "KmsMasterKeyId" not in queue

    sns = cloud.client("sns")
    alarms_may, only_tls = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    assert alarms_may["Principal"] == {"Service": "cloudwatch.amazonaws.com"} and only_tls["Effect"] == "Deny"
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", EMAIL)

    # The interval's mapping and the timeout's arithmetic, as this engine resolves them.
    cloudwatch = cloud.client("cloudwatch")
    alarms = {a["AlarmName"]: a for a in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert len(alarms) == 8 and all(a["AlarmActions"] == a["OKActions"] == [topic] for a in alarms.values())
    by_name = {name: alarms[stack.ids[name]] for name in stack.ids if name.endswith("Alarm")}
    assert {name: (a["Period"], a["EvaluationPeriods"]) for name, a in by_name.items() if "Period" in a} == {
        "ErrorAlarm": (300, 24),
        "ThrottleAlarm": (300, 24),
        "FailureQueueAlarm": (300, 24),
        "MissedRunAlarm": (180, 60),
        "WatchDelayAlarm": (300, 1),
        "WatchDeadLettersAlarm": (300, 1),
        "WatchErrorAlarm": (300, 3),
    }
    assert by_name["MissedRunAlarm"]["InsufficientDataActions"] == [topic]
    share, duration = by_name["DurationAlarm"]["Metrics"]
    assert share["Expression"] == "duration / (900 * 10)" and duration["MetricStat"]["Period"] == 3600

    names, granted = stack.granted
    assert names == {"measure", "alarms", "report", "table", "watches"}
    assert table["TableArn"] in granted and f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/*" in granted
    assert "Fn::" not in granted and "${" not in granted

    bucket = stack.parameters["CodeS3Bucket"]
    s3 = cloud.client("s3")
    assert s3.head_object(Bucket=bucket, Key=stack.parameters["CodeS3Key"])["ContentLength"] == package.stat().st_size
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]

    # What is published arrives: the function's alert, and an alarm's.
    listener = Listener(cloud, topic)
    assert cloud.invoke(stack, {"test_alert": True})["alerts"]["sent"] == 1
    assert listener.gets(20, "the test alert")["Subject"]
    cloudwatch.set_alarm_state(AlarmName=stack.ids["ErrorAlarm"], StateValue="ALARM", StateReason="a test")
    alarm = json.loads(listener.gets(20, "the alarm's message")["Message"])
    assert (alarm["AlarmName"], alarm["NewStateValue"]) == (stack.ids["ErrorAlarm"], "ALARM")

    # A full run stores, alerts and logs; and what is measured of it is what the alarms look at.
    stored = cloud.invoke(stack, {})
    assert stored["snapshots"]["dynamodb"] == 2 and stored["alerts"]["failed"] == 0
    assert len({subject for subject, _ in items(cloud, stack)}) == 2
    assert stored["violations"] > 0 and listener.gets(20, "an alert of the run")["Subject"]
    finished = lambda: cloud.client("logs").filter_log_events(  # noqa: E731
        logGroupName=stack.outputs["LogGroupName"], filterPattern='"run finished"'
    )["events"]
    assert eventually(30, "the run's last line in the stack's own log group", finished)
    metric = by_name["MissedRunAlarm"]
    look = {name: metric[name] for name in ("Namespace", "MetricName", "Dimensions")}
    assert cloudwatch.list_metrics(**look)["Metrics"], "an alarm on a metric that Lambda does not write"

    # What fails for good is queued, after one more try, with its error.
    cloud.invoke(stack, {"dry_run": "perhaps"}, InvocationType="Event")
    sqs = cloud.client("sqs")
    given_up = lambda: sqs.receive_message(QueueUrl=stack.outputs["FailureQueueUrl"], WaitTimeSeconds=1).get("Messages")  # noqa: E731
    (message,) = eventually(90, "the failed run in the failure queue", given_up)
    failure = json.loads(message["Body"])
    assert failure["requestContext"]["condition"] == "RetriesExhausted"
    assert failure["requestContext"]["approximateInvokeCount"] == 2
    assert failure["responsePayload"]["errorType"] == "PayloadError"
    metric = by_name["FailureQueueAlarm"]
    look = {name: metric[name] for name in ("Namespace", "MetricName", "Dimensions")}
    assert eventually(90, "the metric of the failure queue's alarm", lambda: cloudwatch.list_metrics(**look)["Metrics"])

    # Nothing changed.
    again = deploy("--skip-checks")
    assert "No changes to deploy" in again and "very package" in again

    # New code and other parameters, in place; what is not given stays.
    deploy("--threshold", "70", "--parameter", "ScheduleExpression=rate(1 minute)", "--skip-checks", zip_file=changed)
    updated = Stack(cloud)
    assert updated.description["StackStatus"] == "UPDATE_COMPLETE"
    assert updated.ids == stack.ids, "nothing is replaced"
    assert updated.function["CodeSha256"] != function["CodeSha256"]
    assert updated.environment == {**environment, "THRESHOLD_PERCENTAGE": "70"}
    gap("updates", events.describe_rule(Name=updated.ids["Schedule"])["ScheduleExpression"] == "rate(1 minute)")

    # The schedule's own runs come by themselves, of the new code.
    runs = len(finished())
    events.put_rule(Name=updated.ids["Schedule"], ScheduleExpression="rate(1 minute)", State="ENABLED")
    # This engine looks at the expression when it gets the targets.
    events.put_targets(Rule=updated.ids["Schedule"], Targets=[found])
    eventually(240, "a run that the schedule started", lambda: len(finished()) > runs)

    listener.stop()
    deleted = deploy("--delete", "--yes", zip_file=None)
    assert f"\nKept: table {stack.outputs['TableName']}" in deleted
    left = cloud.everything()
    gap("retained", left.pop("table"))
    assert not any(left.values()), left
    assert "There is no stack" in deploy("--delete", "--yes", zip_file=None)


def throttled(number):
    """A call as CloudTrail tells it, whose number makes it another one."""
    return {
        "Source": "aws.connect",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(
            {
                "eventVersion": "1.11",
                "eventID": f"6f1c2a00-0000-4000-8000-{number:012}",
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "eventSource": "connect.amazonaws.com",
                "eventName": "ListUsers",
                "awsRegion": REGION,
                "recipientAccountId": ACCOUNT,
                "errorCode": "ThrottlingException",
                "userIdentity": {
                    "type": "AssumedRole",
                    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/crm/session",
                    "accountId": ACCOUNT,
                },
            }
        ),
    }


def test_everything_switched_on(cloud, deploy):
    ec2, events, sns = cloud.client("ec2"), cloud.client("events"), cloud.client("sns")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")["Subnet"]["SubnetId"] for i in (1, 2)]
    programs = sns.create_topic(Name="programs")["TopicArn"]
    events.create_event_bus(Name=GENESYS_BUS, EventSourceName=GENESYS_BUS)
    switches = {
        "EnableTracing": "true",
        "EnableApiAlarms": "true",
        "ManageInstanceAlarms": "true",
        "AutoRequestIncrease": "true",
        "AutoEscalateRequests": "true",
        "GenesysEventBusName": GENESYS_BUS,
        "EventsTopicArn": programs,
        "EventBusName": "default",
        "QuotaOverridesParameter": "/connect/quota-overrides",
    }
    overrides = {FULL[0]: {"mute": {"reason": "known", "until": "2999-01-01"}}}
    cloud.client("ssm").put_parameter(Name=switches["QuotaOverridesParameter"], Value=json.dumps(overrides), Type="String")
    parameters = [word for name, value in switches.items() for word in ("--parameter", f"{name}={value}")]
    said = deploy(
        *("--email", EMAIL, "--s3", "--no-keep-data", "--create-kms-key", "--tags", "team=voice"),
        *("--vpc-id", vpc, "--subnet-ids", ", ".join(subnets), "--pacing=per-operation", "--history-days", "7"),
        *("--memory", "512", "--timeout=600", *parameters, *ONE_INSTANCE),
    )
    stack = Stack(cloud)
    assert stack.description["StackStatus"] == "CREATE_COMPLETE"
    assert stack.description["Tags"] == [{"Key": "team", "Value": "voice"}]
    resources_made(stack, {"MakeKeptTable", "MakeKeptBucket"})
    assert "Instances and the account: 2 complete, 2 skipped. " in said and "not seen" not in said
    assert FULL[1] not in said, "it is muted in the parameter that the function reads"

    # One key for all.
    key = stack.outputs["KeyArn"]
    kms = cloud.client("kms")
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    statements = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])["Statement"]
    services = {s["Principal"].get("Service") for s in statements} - {None}
    # AWS::URLSuffix is the engine's own.
    logs = f"logs.{REGION}.localhost.localstack.cloud"
    assert services == {"cloudwatch.amazonaws.com", "events.amazonaws.com", logs}
    table = cloud.client("dynamodb").describe_table(TableName=stack.outputs["TableName"])["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    assert sns.get_topic_attributes(TopicArn=stack.outputs["TopicArn"])["Attributes"]["KmsMasterKeyId"] == key
    queues = {name: attributes(cloud, stack.ids[name]) for name in ("FailureQueue", "WatchQueue", "WatchDeadLetters")}
    assert {q["KmsMasterKeyId"] for q in queues.values()} == {key}
    gap("environment", "KMSKeyArn" in stack.function)
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=stack.ids["LogGroup"])["logGroups"]
    gap("logs", "kmsKeyId" in group)

    s3, bucket = cloud.client("s3"), stack.outputs["BucketName"]
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    (encryption,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    gap("bucket", encryption["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") == key)

    function, lambda_ = stack.function, cloud.client("lambda")
    assert sorted(function["VpcConfig"]["SubnetIds"]) == sorted(subnets)
    assert function["VpcConfig"]["SecurityGroupIds"] == [stack.ids["SecurityGroup"]]
    assert (function["MemorySize"], function["Timeout"], function["TracingConfig"]["Mode"]) == (512, 600, "Active")
    (security,) = ec2.describe_security_groups(GroupIds=[stack.ids["SecurityGroup"]])["SecurityGroups"]
    gap("egress", [rule.get("ToPort") for rule in security["IpPermissionsEgress"]] == [443])
    names, granted = stack.granted
    assert names == {
        *("measure", "alarms", "report", "table", "bucket", "key", "trace", "network", "watches"),
        *("ask", "escalate", "events-topic", "events-bus", "overrides-parameter"),
    }
    assert all(arn in granted for arn in (key, programs, f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"))
    assert "Fn::" not in granted and "${" not in granted

    # The watch: rule, queue, mapping, function.
    watch = lambda_.get_function(FunctionName=stack.ids["WatchFunction"])["Configuration"]
    assert watch["Environment"] == function["Environment"] and watch["CodeSha256"] == function["CodeSha256"]
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=stack.ids["WatchFunction"])["EventSourceMappings"]
    expected = {
        "EventSourceArn": queues["WatchQueue"]["QueueArn"],
        "BatchSize": 1000,
        "MaximumBatchingWindowInSeconds": 20,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    }
    assert {name: mapping[name] for name in expected} == expected
    redrive = {"deadLetterTargetArn": queues["WatchDeadLetters"]["QueueArn"], "maxReceiveCount": 5}
    assert json.loads(queues["WatchQueue"]["RedrivePolicy"]) == redrive
    on_the_bus = events.list_rules(EventBusName=GENESYS_BUS)["Rules"]
    assert [json.loads(r["EventPattern"]) for r in on_the_bus] == [{"source": [{"prefix": "aws.partner/genesys.com/"}]}]
    sources = json.loads(queues["WatchQueue"]["Policy"])["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"]
    watched = events.describe_rule(Name=stack.ids["WatchRule"])
    assert watched["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert sources == [watched["Arn"], on_the_bus[0]["Arn"]]

    listener = Listener(cloud, stack.outputs["TopicArn"])
    denied = throttled(99)
    denied["Detail"] = denied["Detail"].replace("ThrottlingException", "AccessDeniedException").replace("/crm/", "/other/")
    for entries in ([throttled(n) for n in range(6)], [*(throttled(n) for n in range(6, 12)), denied]):
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    told = listener.gets(90, "the watch's message")
    assert "ListUsers" in told["Message"] and "crm" in told["Message"]
    kept = [subject for subject, kind in items(cloud, stack) if kind == "#watch"]
    assert any("ListUsers" in subject and "crm" in subject for subject in kept)
    assert not any("other" in subject for subject in kept), "the rule's pattern keeps it out"

    # Every store takes a run, and what is for programs goes to them.
    of_programs = Listener(cloud, programs)
    answer = cloud.invoke(stack, {})
    stored = answer["snapshots"]
    assert stored["dynamodb"] == stored["s3"] == 2 and stored["failed"] == 0
    assert {o["Key"].split("/")[0] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]} >= {"connect-metrics", "connect-reports"}
    assert answer["events"]["sent"] > 0 and answer["events"]["failed"] == 0
    assert of_programs.gets(20, "an event for programs")

    # A bucket that holds objects does not stop the deletion, nor does an alarm that the function kept.
    kept = f"{STACK}/{REGION}/instance/id/ThrottledCalls"
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=kept,
        Namespace="AWS/Connect",
        MetricName="ThrottledCalls",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        Tags=[{"Key": "connect-quota-monitor", "Value": STACK}],
    )
    for one in (listener, of_programs):
        one.stop()
    deleted = deploy("--delete", "--yes", zip_file=None)
    assert re.search(r"\nRemoved [1-9][0-9]* alarms\n", deleted), deleted  # by the function, where it keeps them
    assert f"\nRemoved alarm {kept}\n" in deleted, deleted  # by the script, where they are left
    assert f"Kept: key {stack.ids['Key']}" in deleted
    left = cloud.everything()
    assert left.pop("topic") == [programs]
    assert not any(left.values()), left
    gap("retained", kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled")


def test_bad_values_are_deploy_sh_s_to_refuse(cloud):
    """The template's own constraints would be CloudFormation's to look at."""
    cloudformation = cloud.client("cloudformation")
    template = {
        "Parameters": {"X": {"Type": "String", "AllowedPattern": "^[0-9]+$"}},
        "Rules": {"R": {"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "X"}, "1"]}}]}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    cloudformation.create_stack(
        StackName="bad", TemplateBody=json.dumps(template), Parameters=[{"ParameterKey": "X", "ParameterValue": "abc"}]
    )
    over = lambda: cloudformation.describe_stacks(StackName="bad")["Stacks"][0]["StackStatus"] != "CREATE_IN_PROGRESS"  # noqa: E731
    eventually(30, "the stack is made, or refused", over)
    gap("patterns", cloudformation.describe_stacks(StackName="bad")["Stacks"][0]["StackStatus"] != "CREATE_COMPLETE")
