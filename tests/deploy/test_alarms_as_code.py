"""What `connect-quota-monitor alarms` prints, from a reading of the simulated AWS, is code that its tools take."""

import json
import os
import subprocess

import hcl2
import pytest
from conftest import target

TOPIC = "arn:aws:sns:us-east-1:111122223333:quota-alerts"
#: Of the demo account: five APIs in use, three instances.
APIS, INSTANCES = 5, 3


@pytest.fixture(scope="module")
def printed(measured):
    def run(*arguments):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": measured,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_EC2_METADATA_DISABLED": "true",
            "ALERT_SNS_TOPIC_ARN": TOPIC,
        }
        command = [target() / "debug" / "connect-quota-monitor", "alarms", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("kind", "count"), [("all", APIS + 3 * INSTANCES), ("api", APIS), ("instance", 3 * INSTANCES)]
)
def test_cloudformation(printed, tool, tmp_path, kind, count):
    file = tmp_path / "alarms.json"
    file.write_text(printed("--format", "cloudformation", "--kind", kind))
    template = json.loads(file.read_text())
    assert len(template["Resources"]) == count
    assert template["Parameters"]["TopicArn"]["Default"] == TOPIC
    names = [r["Properties"]["AlarmName"] for r in template["Resources"].values()]
    assert len(set(names)) == count and all(n.startswith("connect-quota-monitor/us-east-1/") for n in names)
    lint = [tool("cfn-lint"), "--template", file, "--regions", "us-east-1", "--non-zero-exit-code", "informational"]
    done = subprocess.run(lint, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_terraform(printed):
    parsed = hcl2.loads(printed("--format", "terraform"))
    alarms = [(label, body) for block in parsed["resource"] for _, named in block.items() for label, body in named.items()]
    assert len(alarms) == APIS + 3 * INSTANCES and len({label for label, _ in alarms}) == len(alarms)
    assert [next(iter(v)).strip('"') for v in parsed["variable"]] == ["topic_arn"]
    math = plain = 0
    for _, alarm in alarms:
        assert int(alarm["evaluation_periods"]) >= int(alarm["datapoints_to_alarm"]) >= 1
        assert alarm["alarm_actions"] == alarm["ok_actions"] == "${local.alarm_actions}"
        if "metric_query" in alarm:
            result, source = alarm["metric_query"]
            assert "m1" in result["expression"] and result["return_data"] is True
            assert int(source["metric"][0]["period"]) == 60 and source["metric"][0]["dimensions"]
            math += 1
        else:
            assert alarm["statistic"].strip('"') == "Sum" and alarm["dimensions"]
            plain += 1
    assert (math, plain) == (APIS + INSTANCES, 2 * INSTANCES)


def test_both_say_the_same(printed):
    template = json.loads(printed("--format", "cloudformation"))
    parsed = hcl2.loads(printed("--format", "terraform"))
    terraform = {}
    for block in parsed["resource"]:
        for named in block.values():
            for body in named.values():
                terraform[body["alarm_name"].strip('"')] = body
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        other = terraform.pop(properties["AlarmName"])
        for ours, theirs in (
            ("AlarmDescription", "alarm_description"),
            ("ComparisonOperator", "comparison_operator"),
            ("TreatMissingData", "treat_missing_data"),
        ):
            assert other[theirs].strip('"') == properties[ours]
        assert float(other["threshold"]) == properties["Threshold"]
        assert int(other["evaluation_periods"]) == properties["EvaluationPeriods"]
    assert not terraform
