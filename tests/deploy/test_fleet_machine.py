"""The state machines of fleet/hub.yaml, executed for three hours.

deploy.sh --fleet deploys the hub into moto. moto's interpreter of the Amazon States Language runs both machines as the
template defines them; each Lambda task runs the real program under a Lambda Runtime API; S3, DynamoDB and SNS are moto's;
what it measures is a simulated organization of three accounts in two Regions (serve_fleet).

What moto's interpreter does not do: it reads ToleratedFailurePercentage and ignores it, so a child that fails ends the
map. No child of this machine can fail but by a fault of Step Functions itself. It knows no States.DataLimitExceeded.
"""

import json
import os
import re
import shlex
import subprocess
import time
from collections import Counter

import pytest
from conftest import ROOT
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

STACK, REGION, HUB_ACCOUNT = "fleet", "us-east-1", "123456789012"
ACME, BETA, GAMMA = "111122220001", "222233334444", "333344445555"
WEST, EAST = "eu-west-2", "us-east-1"
OPTIONS = {
    # Or the pacing of Connect's account limits makes each cell take most of a minute. To measure just that:
    # FLEET_PACING=account FLEET_TIMEOUT=300 pytest -s -k command
    "ConnectPacing": os.environ.get("FLEET_PACING", "per-operation"),
    "FleetRegions": f"{WEST},{EAST}",
    "FleetExternalId": "fleet-7f3a",
    "FleetOwnerTag": "Team",
    "LambdaTimeout": os.environ.get("FLEET_TIMEOUT", "30"),
}


class Hub:
    """A deployed hub, and what comes out of it."""

    def __init__(self, aws):
        self.aws, self.machines = aws, aws.client("stepfunctions")
        (stack,) = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        self.output = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
        self.seen = 0
        (schedule,) = aws.client("scheduler").list_schedules()["Schedules"]
        self.schedule = aws.client("scheduler").get_schedule(Name=schedule["Name"])
        self.count = 0

    def ended(self, arn):
        for _ in range(2400):
            found = self.machines.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.1)
        raise AssertionError("it does not end")

    def scheduled(self, when):
        """What Scheduler does at this time: the answer of the starter."""
        target = self.schedule["Target"]
        assert target["Arn"] == self.output["StarterArn"]
        given = target["Input"].replace("<aws.scheduler.scheduled-time>", when)
        self.count += 1
        started = self.machines.start_execution(stateMachineArn=target["Arn"], name=f"call-{self.count}", input=given)
        return self.ended(started["executionArn"])

    def hour(self, when):
        """The whole run of an hour."""
        started = self.scheduled(when)
        assert started["status"] == "SUCCEEDED", started
        answer = json.loads(started["output"])
        assert answer["started"], answer
        return self.ended(answer["execution"])

    def runs(self):
        found = self.machines.list_executions(stateMachineArn=self.output["MachineArn"])["executions"]
        return sorted((run["name"], run["status"]) for run in found)

    def document(self, key):
        found = self.aws.client("s3").get_object(Bucket=self.output["BucketName"], Key=key)["Body"].read()
        return json.loads(found) if key.endswith(".json") else found.decode()

    def states(self):
        matrix = self.document("fleet/latest/report.json")["matrix"]
        return {(cell["account_name"], cell["region"]): cell["state"] for cell in matrix}

    def mails(self):
        """(subject, text, attributes) since the last look."""
        sent = sns_backends[HUB_ACCOUNT][REGION].topics[self.output["TopicArn"]].sent_notifications
        new, self.seen = sent[self.seen :], len(sent)
        return [
            (subject, json.loads(message)["default"], {name: a["Value"] for name, a in attributes.items()})
            for _, message, subject, attributes, _ in new
        ]

    def payloads(self):
        """What the function was asked for since the last look, and what it answered."""
        found = [(json.loads(payload), json.loads(answer)) for _, payload, answer in self.aws.invocations]
        self.aws.invocations.clear()
        return found


@pytest.fixture
def hub(aws, fleet, package, tool, tmp_path):
    shim = tmp_path / "shim" / "aws"
    shim.parent.mkdir()
    # moto knows no account settings.
    shim.write_text(f'#!/bin/bash\ncase " $* " in *" get-account-settings "*) echo 1000; exit ;; esac\nexec "{tool("aws")}" "$@"\n')
    shim.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LD_"))} | {
        **{"AWS_ENDPOINT_URL": aws.url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"},
        **{"AWS_CONFIG_FILE": str(tmp_path / "none"), "TMPDIR": str(tmp_path)},
        "PATH": os.pathsep.join([str(shim.parent), os.path.dirname(tool("aws")), os.environ["PATH"]]),
    }
    options = [word for name, value in OPTIONS.items() for word in ("--parameter", f"{name}={value}")]
    command = ["bash", ROOT / "deploy.sh", "--fleet", "--stack-name", STACK, "--region", REGION, "--zip", package, "--skip-checks", *options]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    aws.fleet = fleet.url
    return Hub(aws)


@pytest.fixture
def entered(monkeypatch):
    """How often each kind of state was entered, in executions and their children."""
    counted, add_event = Counter(), EventManager.add_event

    def counting(manager, context, event_type, event_details=None, *args, **kwargs):
        if str(event_type).endswith("StateEntered"):
            counted[str(event_type).split(".")[-1].removesuffix("StateEntered")] += 1
        return add_event(manager, context, event_type, event_details, *args, **kwargs)

    monkeypatch.setattr(EventManager, "add_event", counting)
    # The waits before retries have full jitter: here always its shortest.
    monkeypatch.setattr(JitterStrategyDecl, "_eval_body", lambda _, env: env.stack.append(env.stack.pop() * 0.01))
    return counted


def targets(payloads):
    return sorted((p["target"]["account_id"], p["target"]["region"]) for p, _ in payloads if "target" in p)


FLEET_1 = "Connect Quota Alert - Fleet: 1 new, 0 recovered, 2 of 4 cells seen"
CELLS = [(ACME, WEST), (ACME, EAST), (BETA, WEST), (BETA, EAST)]


def test_three_hours(hub, aws, fleet, entered):
    # ---- The first hour: discovery, four cells, one of them throttled by Lambda at first, the digest.
    refused = Counter()

    def throttled_twice(payload):
        cell = payload.get("target", {})
        if (cell.get("account_id"), cell.get("region")) == (ACME, EAST) and refused["times"] < 2:
            refused["times"] += 1
            return "throttled"
        return None

    aws.disturbed = throttled_twice
    run = hub.hour("2026-11-26T07:05:00Z")
    assert run["status"] == "SUCCEEDED", run
    assert run["name"] == "run-2026112607" and refused["times"] == 2
    counted = json.loads(run["output"])
    assert counted["discovery"] == {"due": True}
    assert (counted["digest"]["cells"]["expected"], counted["digest"]["cells"]["seen"]) == (4, 2)
    payloads = hub.payloads()
    assert payloads[0][0] == {"fleet": "discover", "if_older_than_hours": 24}
    assert targets(payloads) == sorted(CELLS), "each once: what Lambda refused was not begun"
    assert payloads[-1][0]["fleet"] == "digest" and payloads[-1][0]["started_at"].startswith("20")
    assert hub.states() == {
        **{("Acme", WEST): "seen", ("Acme", EAST): "seen", ("Beta", WEST): "no_role", ("Beta", EAST): "no_role"},
        **{("Gamma", WEST): "denied_by_policy", ("Gamma", EAST): "not_opted_in"},
    }
    mails = hub.mails()
    assert [subject for subject, *_ in mails] == ["Connect Quota Alert - Instance: instance-1 (1 violation) - Acme", FLEET_1]
    of_instance, of_fleet = mails
    assert "Prompts per instance" in of_instance[1] and of_instance[1].count("VIOLATION") >= 1
    attributes = of_instance[2]
    assert (attributes["account_id"], attributes["account_name"], attributes["region"]) == (ACME, "Acme", WEST)
    assert "LOWER LIMITS OF REPLICAS" in of_fleet[1] and "NOT SEEN" not in of_fleet[1]
    # The replica has its source's id. In the stores they are two.
    table = aws.client("dynamodb").scan(TableName=hub.output["TableName"])["Items"]
    subjects = {item["subject"]["S"].split("#")[1] for item in table if item["subject"]["S"].startswith(f"{ACME}#")}
    assert subjects == {WEST, EAST}
    ids = {item["subject"]["S"].split("#")[2] for item in table if item["subject"]["S"].startswith(f"{ACME}#")} - {"account"}
    assert len(ids) == 1
    # Four cells: a task each, and a pass for each that is unseen. Three tasks, a map, a choice and an end around them.
    first = dict(entered)
    starter = {"Pass": 2, "Task": 2, "Choice": 1}
    assert first == {"Task": 4 + 2 + starter["Task"], "Map": 1, "Pass": 2 + starter["Pass"], "Choice": 1 + starter["Choice"], "Succeed": 1}
    cell_seconds = [s for s, (p, _) in zip(aws.seconds, payloads, strict=True) if "target" in p]
    print(f"states entered in the first hour: {first}; seconds of the cells: {[round(s, 1) for s in sorted(cell_seconds)]}")

    # ---- A second start of the same hour is refused, while it runs and after.
    for _ in range(2):
        again = hub.scheduled("2026-11-26T07:05:00Z")
        assert again["status"] == "SUCCEEDED"
        assert json.loads(again["output"]) == {"started": False, "reason": "run-2026112607 was started already: one hour has one run"}
    assert hub.runs() == [("run-2026112607", "SUCCEEDED")] and not hub.payloads() and not hub.mails()

    # ---- The second hour: one cell stands still until Lambda ends it, in the other Connect throttles all calls.
    aws.disturbed = lambda payload: "frozen" if payload.get("target", {}).get("region") == WEST and payload["target"]["account_id"] == ACME else None
    assert fleet.say(f"throttle {ACME} {EAST}") == "ok"
    run = hub.hour("2026-11-26T08:05:00Z")
    assert run["status"] == "SUCCEEDED", "cells that fail do not fail the run"
    assert json.loads(run["output"])["discovery"] == {"due": False}, "the list is of today"
    payloads = hub.payloads()
    assert targets(payloads) == sorted(CELLS)
    errors = {p["target"]["account_id"] + p["target"]["region"]: a.get("errorType") for p, a in payloads if "target" in p}
    assert errors == {
        **{ACME + WEST: "Sandbox.Timedout", ACME + EAST: "DiscoveryError"},
        **{BETA + WEST: "DiscoveryError", BETA + EAST: "DiscoveryError"},
    }
    states = hub.states()
    assert states.pop(("Acme", WEST)) == "timeout" and states.pop(("Acme", EAST)) == "throttled", states
    assert states == {
        **{("Beta", WEST): "no_role", ("Beta", EAST): "no_role"},
        **{("Gamma", WEST): "denied_by_policy", ("Gamma", EAST): "not_opted_in"},
    }
    mails = hub.mails()
    assert [subject for subject, *_ in mails] == ["Connect Quota Alert - Fleet: 0 new, 0 recovered, 0 of 4 cells seen"]
    told = mails[0][1]
    assert told.count("no_role since") == 2 and "timeout" not in told and "RECOVERED" not in told, told
    violation = next(c for c in hub.document("fleet/latest/report.json")["matrix"] if (c["account_id"], c["region"]) == (ACME, WEST))
    assert violation["violations"] == 1, "as it was seen last, and not recovered"

    # ---- The third hour: the same cell stands still again, the other one is seen again.
    assert fleet.say(f"clear {ACME} {EAST}") == "ok"
    run = hub.hour("2026-11-26T09:05:00Z")
    assert run["status"] == "SUCCEEDED", run
    assert targets(hub.payloads()) == sorted(CELLS)
    states = hub.states()
    assert (states["Acme", WEST], states["Acme", EAST]) == ("timeout", "seen")
    mails = hub.mails()
    assert [subject for subject, *_ in mails] == ["Connect Quota Alert - Fleet: 0 new, 0 recovered, 1 of 4 cells seen"]
    told = mails[0][1]
    assert re.search(rf"NOT SEEN, TWICE IN A ROW:\n• Acme \({ACME}\) / {WEST}, owner team-acme: timeout since ", told), told
    assert "RECOVERED" not in told and "no_role since" not in told.split("NOT SEEN, TWICE IN A ROW:")[1].split("\n\n")[0], told
    assert hub.runs() == [(f"run-20261126{hour}", "SUCCEEDED") for hour in ("07", "08", "09")]
    # The page links to each cell's own, with all of them on it.
    page = hub.document("fleet/latest/index.html")
    for name in ("Acme", "Beta", "Gamma", WEST, EAST):
        assert name in page


def test_a_run_while_another_hours_is_under_way_is_refused(hub, aws, entered):
    aws.disturbed = lambda payload: "stillborn" if payload.get("fleet") == "discover" else None
    first = hub.scheduled("2026-11-26T07:05:00Z")
    assert json.loads(first["output"])["started"]
    same = hub.scheduled("2026-11-26T07:05:00Z")
    assert json.loads(same["output"])["reason"] == "run-2026112607 was started already: one hour has one run"
    other = hub.scheduled("2026-11-26T08:05:00Z")
    assert (other["status"], other["error"]) == ("FAILED", "RunUnderWay"), "the alarm on the starter tells"
    assert "still under way" in other["cause"]
    # The first discovery was ended by Lambda, so there is no list: the run fails, and says why, after its digest.
    run = hub.ended(json.loads(first["output"])["execution"])
    assert (run["status"], run["error"]) == ("FAILED", "CellsNotRead"), run
    payloads = hub.payloads()
    assert [p["fleet"] for p, _ in payloads] == ["discover", "digest"]
    assert payloads[1][1]["cells"]["expected"] == 0 and payloads[1][1]["notes"], payloads[1]
    # The next hour finds the accounts.
    aws.disturbed = lambda payload: None
    assert hub.hour("2026-11-26T09:05:00Z")["status"] == "SUCCEEDED"
    assert targets(hub.payloads()) == sorted(CELLS)


def test_the_command_of_the_outputs_starts_a_run(hub, entered):
    """As a person types it, but for the endpoint."""
    command = hub.output["RunCommand"].replace("$(date -u +%Y-%m-%dT%H:%M:%SZ)", "2026-11-26T10:31:07Z")
    words = shlex.split(command)
    given = words[words.index("--input") + 1]
    assert words[words.index("--state-machine-arn") + 1] == hub.output["StarterArn"]
    assert json.loads(given) == {"scheduled_time": "2026-11-26T10:31:07Z"}
    hub.scheduled("2026-11-26T10:31:07Z")
    assert [name for name, _ in hub.runs()] == ["run-2026112610"]
    hub.ended(f"{hub.output['MachineArn'].replace(':stateMachine:', ':execution:')}:run-2026112610")
    cells = [round(s, 1) for s, (p, _) in zip(hub.aws.seconds, hub.payloads(), strict=True) if "target" in p]
    print(f"states entered: {dict(entered)}; seconds of the cells: {sorted(cells)}")
    assert len(cells) == 4 and hub.states()["Acme", WEST] == "seen"
