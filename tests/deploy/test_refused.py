"""What deploy.sh refuses or says before anything is made, and what it says of what it finds.

The AWS here is tests/deploy/aws.sh: a folder.
"""

import pytest
from account import EMAIL, REGION, account, zip_file  # noqa: F401
from conftest import ROOT
from template import TEMPLATE

#: Calls that only look.
LOOKING = ("get-", "list-", "describe-", "head-")
KEY = f"arn:aws:kms:{REGION}:123456789012:key/1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:topic"

AT_ONCE = [
    (["--parameter", "ManageAPIAlarms=true"], "there is no parameter ManageAPIAlarms in template.yaml; is ManageApiAlarms meant?"),
    (["--parameter", "Nonsense=true"], "there is no parameter Nonsense in template.yaml"),
    (["--parameter", "CodeS3Key=x"], "say --code-bucket, --zip or --arch"),
    (["--parameter", "CodeS3BucketPrefix=x"], "is for StackSets"),
    (["--email", "me@x"], "must be one mail address"),
    (["--email", "me@example.com,you@example.com"], "must be one mail address"),
    (["--email", "me,you@example.com"], "must be one mail address"),
    (["--threshold", "abc"], "ThresholdPercentage 'abc' must be a whole number from 1 to 100"),
    (["--threshold", "82.5"], "must be a whole number from 1 to 100"),
    (["--threshold", "101"], "must be a whole number from 1 to 100"),
    (["--reminder-hours", "8785"], "must be a whole number from 0 to 8784"),
    (["--memory", "64"], "LambdaMemory '64' must be a whole number from 128 to 10240"),
    (["--memory", "99999999999999999999"], "must be a whole number from 128 to 10240"),
    (["--timeout", "901"], "LambdaTimeout '901' must be a whole number from 30 to 900"),
    (["--schedule", "every hour"], "ScheduleExpression 'every hour' must be such as rate(1 hour)"),
    (["--pacing", "fast"], "ConnectPacing 'fast' must be one of [account, per-operation]"),
    (["--lookback-minutes", "7"], "LookbackMinutes '7' must be one of"),
    (["--parameter", "ApiAlarmPeriod=61"], "ApiAlarmPeriod '61' must be one of [60, 300]"),
    (["--parameter", "ApiAlarmDatapoints=5 of 3"], "not more than there are"),
    (["--parameter", "LogLevel=DEBUG"], "must be one of [INFO, WARN, ERROR, FATAL]"),
    (["--parameter", f"QuotaOverrides={'x' * 1001}"], "QuotaOverrides is longer than 1000 characters"),
    (["--kms-key-arn", f"arn:aws:kms:{REGION}:123456789012:alias/key"], "must be the ARN of a KMS key (not of an alias)"),
    (["--topic-arn", f"{TOPIC}.fifo"], "must be the ARN of a standard SNS topic"),
    (["--subnet-ids", "subnet-1 subnet-2,vpc-1"], "must be subnet ids with commas"),
    (["--stack-name", "my.stack"], "must be letters, digits and hyphens"),
    (["--stack-name", "x" * 129], "is longer than 128 characters"),
    (["--region", "us_east_1"], "is no Region"),
    (["--region", "us-east"], "is no Region"),
    (["--region", "virginia"], "is no Region"),
    (["--release", "newest"], "neither latest nor a version"),
    (["--release", "v1/../x"], "neither latest nor a version"),
    (["--release", "latest"], "--release and --zip exclude each other"),
    (["--tags", "owner"], "--tags 'owner' is not KEY=VALUE"),
]


@pytest.mark.parametrize(("options", "message"), AT_ONCE, ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_what_needs_no_aws_to_be_refused(account, options, message):
    new = account()
    code, said = new.deploy(*options)
    assert code != 0 and message in said, said
    assert not new.calls, "AWS was asked before"
    # Printing the commands is no way round.
    assert new.deploy("--dry-run", *options)[0] != 0


ON_LOOKING = [
    (["--topic-arn", "arn:aws:sns:us-west-2:123456789012:x"], "is not in us-east-1: CloudWatch alarms reach"),
    (["--topic-arn", TOPIC, "--parameter", f"EventsTopicArn={TOPIC}"], "is the topic of the alerts"),
    (["--kms-key-arn", "arn:aws:kms:eu-west-1:123456789012:key/1"], "is not in us-east-1"),
    (["--kms-key-arn", KEY, "--create-kms-key"], "exclude each other"),
    (["--vpc-id", "vpc-0a"], "--vpc-id needs --subnet-ids"),
    (["--subnet-ids", "subnet-0a"], "--subnet-ids need --vpc-id"),
    (["--bucket", "ours", "--parameter", "UseS3Storage=false"], "ExistingBucketName needs UseS3Storage=true"),
    (["--critical", "70"], "--critical 70 is below --threshold 80"),
    (["--threshold", "90", "--critical", "89"], "--critical 89 is below --threshold 90"),
    (
        ["--parameter", "QuotaOverrides={}", "--parameter", "QuotaOverridesParameter=/x"],
        "give only one of QuotaOverrides, QuotaOverridesParameter and QuotaOverridesObject",
    ),
    (["--bucket", "nobodys"], "--bucket 'nobodys' does not exist, is another account's, or may not be looked at"),
    (["--code-bucket", "nobodys"], "--code-bucket 'nobodys' does not exist, is another account's"),
    (["--code-bucket", "elsewhere"], "--code-bucket 'elsewhere' is in eu-west-1, not in us-east-1"),
    (["--bucket", "elsewhere"], "--bucket 'elsewhere' is in eu-west-1, not in us-east-1"),
]


@pytest.mark.parametrize(("options", "message"), ON_LOOKING, ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_what_is_refused_before_anything_is_made(account, options, message):
    new = account()
    (new.state / "buckets" / "ours").mkdir()
    new.answers("s3api get-bucket-location", 'case "$*" in *elsewhere*) echo EU; exit ;; esac')
    code, said = new.deploy(*options)
    assert code != 0 and message in said, said
    assert all(call.split()[1].startswith(LOOKING) for call in new.calls), new.calls


def test_rules_count_what_the_stack_has_already(account):
    running = account()
    assert running.deploy("--threshold", "90")[0] == 0
    code, said = running.deploy("--critical", "85")
    assert code != 0 and "--critical 85 is below --threshold 90" in said


NO_ENDPOINT = """echo 'Could not connect to the endpoint URL: "https://x.us-moon-1.amazonaws.com/"' >&2; exit 255"""


def test_a_region_that_is_none(account):
    new = account()
    new.answers("sts get-caller-identity", NO_ENDPOINT)
    code, said = new.deploy("--region", "us-moon-1")
    assert code != 0 and "there is no Region 'us-moon-1', or AWS cannot be reached from here: Could not connect" in said.replace("\n", " ")


def test_a_region_without_connect(account):
    new = account()
    new.answers("connect list-instances", NO_ENDPOINT)
    code, said = new.deploy()
    assert code != 0 and f"Amazon Connect is not offered in {REGION}: nothing was made" in said
    assert new.calls == ["sts get-caller-identity", "connect list-instances"]


@pytest.mark.parametrize("empty", ["", "None"])
def test_an_account_without_instances_is_said(account, empty):
    new = account()
    new.answers("connect list-instances", f"echo {empty}; exit")
    code, said = new.deploy()
    assert code == 0 and "there is no Amazon Connect instance in us-east-1 of account 123456789012 yet" in said
    assert said.index("no Amazon Connect instance") < said.index("Making the private bucket")


def test_instances_are_seen_whatever_their_number(account):
    """AWS gives ten on a page, and refuses who asks for more; the CLI writes a line for each page."""
    new = account()
    code, said = new.deploy()
    assert code == 0 and "cannot be seen" not in said and "no Amazon Connect instance" not in said
    new.answers("connect list-instances", "printf 'i-%s\\t' $(seq 10); echo; printf 'i-%s\\t' $(seq 11 24); exit")
    new.answers("logs filter-log-events", """echo '"instances":24,"violations":0,"duration_ms":1'; exit""")
    assert "With 24 instances that takes about " in new.deploy()[1]


def test_instances_that_cannot_be_seen_stop_nothing(account):
    new = account()
    code, said = new.deploy(trouble="denied 2")
    assert code == 0 and "cannot be seen" in said and "AccessDenied" in said
    new.works()


def test_an_address_that_was_not_confirmed_is_asked_again(account):
    """SNS forgets it after two days, and CloudFormation does not see that."""
    running = account()
    code, said = running.deploy()
    assert code == 0 and f"{EMAIL} is NOT SUBSCRIBED YET" in said
    assert "sns subscribe" not in running.calls, "the first mail has just been sent"
    assert "has no confirmed subscription: nobody gets an alert" in said
    for listed in ("echo", "printf 'PendingConfirmation\\ton-call@example.com\\n'"):
        running.answers("sns list-subscriptions-by-topic", f"{listed}; exit")
        code, said = running.deploy()
        assert code == 0 and "sns subscribe" in running.calls and "sent again just now" in said
    code, said = running.deploy(trouble=f"denied {running.calls.index('sns subscribe') + 1}")
    assert code == 0 and "that mail could not be sent again" in said
    running.answers("sns list-subscriptions-by-topic", f"printf '{TOPIC}:1\\ton-call@example.com\\n'; exit")
    code, said = running.deploy()
    assert code == 0 and f"{EMAIL} is subscribed." in said and "sns subscribe" not in running.calls


def test_a_subscription_that_is_somebody_elses_stays(account):
    new = account()
    new.answers("sns list-subscriptions-by-topic", f"printf '%s\\n' {EMAIL}; exit")
    code, said = new.deploy("--topic-arn", TOPIC)
    assert code == 0 and f"{EMAIL} is subscribed to {TOPIC} already, and not by this stack" in said
    assert "parameter\tNotificationEmail\t\n" in (new.state / "parameters").read_text()


def test_tags_stay_and_a_role_is_passed_on(account):
    new = account()
    code, said = new.deploy("--tags", "owner=a b", "--tags", "cost=1", "--role-arn", "arn:aws:iam::123456789012:role/cfn")
    assert code == 0, said
    arguments = new.read("arguments")
    assert "--tags|owner=a b|cost=1|" in arguments and "--role-arn|arn:aws:iam::123456789012:role/cfn|" in arguments
    # CloudFormation takes away the tags that an update does not name.
    (new.state / "parameters").open("a").write("tag\towner\ta b\n")
    code, said = new.deploy()
    assert code == 0 and "--tags|owner=a b|" in new.read("arguments")
    code, said = new.delete()
    assert code == 0 and "--role-arn" not in new.read("arguments")


def test_a_long_dry_run_is_told_by_the_log(account):
    """An idle connection does not live so long."""
    new = account()
    new.answers("connect list-instances", "printf 'i-%s\\t' $(seq 24); exit")
    line = '{"level":"INFO","fields":{"message":"run finished","instances":24,"violations":7,"duration_ms":353000}}'
    new.answers("logs filter-log-events", f"[ -e $STATE/asked ] || {{ touch $STATE/asked; echo None; exit; }}; echo '{line}'; exit")
    code, said = new.deploy()
    assert code == 0, said
    assert "With 24 instances that takes about 353 seconds" in said
    assert "Instances: 24. Violations: 7. Took 353000 ms." in said
    assert new.calls.count("logs filter-log-events") == 2
    # Faster pacing, or fewer instances, and the answer itself is waited for.
    assert "waiting for the log" not in new.deploy("--pacing", "per-operation")[1]


def test_a_log_that_never_tells_is_a_failure(account):
    new = account()
    new.answers("connect list-instances", "printf 'i-%s\\t' $(seq 24); exit")
    new.answers("logs filter-log-events", "echo None; exit")
    code, said = new.deploy()
    assert code != 0 and "the dry run failed, or did not end in time" in said


def test_every_constraint_is_read(account):
    """The script's reading of template.yaml takes each parameter's own default."""
    new = account()
    script = (ROOT / "deploy.sh").read_text()
    checks = script[: script.index("# ---- From the top")]
    lines = [
        f"check_parameter {name} '{parameter.get('Default', 'a-value')}'\necho {name}"
        for name, parameter in TEMPLATE["Parameters"].items()
    ]
    path = ROOT / "target" / "checks.sh"
    path.write_text(checks.replace('HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)', f"HERE={ROOT}") + "\n".join(lines))
    code, said = new.run(script=path)
    assert code == 0 and said.split() == list(TEMPLATE["Parameters"]), said
