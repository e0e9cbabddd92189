"""deploy.sh --fleet: what it refuses before anything is made, what it makes, prints, keeps and names.

The AWS here is tests/deploy/aws.sh: a folder.
"""

import json
import re
import shlex

import pytest
from account import EMAIL, REGION, STACK, account, zip_file  # noqa: F401
from conftest import ROOT

FLEET = ["--fleet"]
LOOKING = ("get-", "list-", "describe-", "head-")
READER = "connect-quota-monitor-reader"


def changes(calls):
    return [call for call in calls if not call.split()[1].startswith(LOOKING)]


def printed(said):
    """The commands that it shows, as words."""
    return [shlex.split(line[2:]) for line in said.splitlines() if line.startswith("+ ")]


def option(words, name):
    return words[words.index(name) + 1]


AT_ONCE = [
    (["--roles", "make"], "--roles 'make' is neither print nor deploy"),
    (["--organization-id", "a1b2c3d4e5"], "OrganizationId 'a1b2c3d4e5' must be such as o-a1b2c3d4e5"),
    (["--ous", "marketing"], "FleetOus 'marketing' must be ids such as ou-a1b2-c3d4e5f6"),
    (["--exclude-accounts", "12345678901"], "must be account numbers of twelve digits"),
    (["--fleet-regions", "us_east_1"], "FleetRegions 'us_east_1' must be Regions such as us-east-1,eu-central-1"),
    (["--external-id", "*"], "FleetExternalId '*' must be 2 to 64 of letters"),
    (["--parameter", "MaxConcurrency=0"], "MaxConcurrency '0' must be a whole number from 1 to 1000"),
    (["--parameter", "MinuteOfHour=60"], "MinuteOfHour '60' must be a whole number from 0 to 59"),
    (["--parameter", "ManageApiAlarms=true"], "there is no parameter ManageApiAlarms in hub.yaml"),
    (["--vpc-id", "vpc-0a"], "there is no parameter VpcId in hub.yaml"),
    (["--threshold", "101"], "must be a whole number from 1 to 100"),
]


@pytest.mark.parametrize(("options", "message"), AT_ONCE, ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_what_needs_no_aws_to_be_refused(account, options, message):
    new = account()
    code, said = new.deploy(*FLEET, *options)
    assert code != 0 and message in said, said
    assert not new.calls, "AWS was asked before"


def test_options_of_a_fleet_need_it(account):
    code, said = account().deploy("--roles", "deploy")
    assert code != 0 and "--roles is for a fleet: say --fleet too" in said
    code, said = account().deploy("--organization-id", "o-a1b2c3d4e5")
    assert code != 0 and "there is no parameter OrganizationId in template.yaml" in said


ON_LOOKING = {
    "no organization": ("alone", "", ["--roles", "deploy"], "the organization cannot be looked at, so the roles cannot be made from here"),
    "another organization": ("none", "", ["--organization-id", "o-z9y8x7w6v5"], "is not the one of account 123456789012, which is in o-a1b2c3d4e5"),
    "no trusted access": ("access", "DISABLED", ["--roles", "deploy"], "activate-organizations-access"),
    "a role of that name": ("hub-role", "", [], "there is a role ConnectQuotaMonitorFleet already, perhaps of another hub"),
    "a topic elsewhere": ("none", "", ["--topic-arn", "arn:aws:sns:us-west-2:123456789012:x"], "is not in us-east-1: CloudWatch alarms reach"),
    "a critical percentage that is too low": ("none", "", ["--critical", "70"], "--critical 70 is below --threshold 80"),
}


@pytest.mark.parametrize("case", ON_LOOKING)
def test_what_is_refused_before_anything_is_made(account, case):
    file, text, options, message = ON_LOOKING[case]
    new = account()
    (new.state / file).write_text(text)
    code, said = new.deploy(*FLEET, *options)
    assert code != 0 and message in said, said
    assert not changes(new.calls), new.calls


def parameters_of(running):
    return {words[1]: words[2] for words in (line.split("\t") for line in running.read("parameters").splitlines())}


def test_the_hub_is_deployed_and_the_roles_commands_are_printed(account):
    new = account()
    code, said = new.deploy(*FLEET, "--external-id", "fleet-7f3a", "--ous", "ou-a1b2-c3d4e5f6")
    assert code == 0, said
    arguments = new.read("arguments")
    assert f"{ROOT}/fleet/hub.yaml" in arguments and "--capabilities|CAPABILITY_NAMED_IAM" in arguments
    made = parameters_of(new)
    assert made["OrganizationId"] == "o-a1b2c3d4e5" and made["WorkerConcurrency"] == "52", "found out, and reserved"
    assert made["FleetExternalId"] == "fleet-7f3a" and made["FleetOus"] == "ou-a1b2-c3d4e5f6"
    assert not new.has("set") and not new.has("instances") and not new.has("reader-stack"), "it was asked to print"
    assert "The hub sees nothing until its role is in the accounts" in said and "aws lambda invoke discover" in said
    creating, instances, plain = printed(said)
    assert creating[creating.index("cloudformation") + 1] == "create-stack-set" and option(creating, "--permission-model") == "SERVICE_MANAGED"
    assert option(creating, "--auto-deployment") == "Enabled=true,RetainStacksOnAccountRemoval=false"
    given = {p["ParameterKey"]: p["ParameterValue"] for p in json.loads(option(creating, "--parameters"))}
    assert given == {
        **{"HubAccount": "123456789012", "HubRoleName": "ConnectQuotaMonitorFleet", "RoleName": "ConnectQuotaMonitorReader"},
        **{"OrganizationId": "o-a1b2c3d4e5", "ExternalId": "fleet-7f3a"},
    }
    assert option(instances, "--deployment-targets") == "OrganizationalUnitIds=ou-a1b2-c3d4e5f6"
    assert option(instances, "--regions") == REGION, "IAM is global: one Region"
    assert option(instances, "--operation-preferences") == "FailureTolerancePercentage=100,MaxConcurrentPercentage=100"
    assert plain[plain.index("cloudformation") + 1] == "deploy"
    assert {f"{name}={value}" for name, value in given.items()} <= set(plain)


@pytest.mark.parametrize(("management", "as_whom"), [("123456789012", "SELF"), ("999900001111", "DELEGATED_ADMIN")])
def test_the_roles_are_deployed(account, management, as_whom):
    new = account()
    (new.state / "management").write_text(management)
    code, said = new.deploy(*FLEET, "--roles", "deploy")
    assert code == 0, said
    for name in ("set", "instances"):
        assert f"--call-as|{as_whom}|" in new.read(name)
    assert "OrganizationalUnitIds=r-a1b2|" in new.read("instances"), "all accounts: the root"
    assert "Accounts: 5. Accounts and Regions to measure: 7." in said
    # The management account gets no stack of a StackSet: here it is made, or said how.
    assert new.has("reader-stack") == (as_whom == "SELF")
    assert (f"account {management}, accounts outside the organization)" in said) == (as_whom != "SELF")
    # Once more: an update.
    code, said = new.deploy(*FLEET, "--roles", "deploy")
    assert code == 0, said
    assert "cloudformation update-stack-set" in new.calls and "cloudformation create-stack-set" not in new.calls


def test_accounts_that_did_not_get_the_role_are_named(account):
    new = account()
    (new.state / "operation").write_text("FAILED\n")
    code, said = new.deploy(*FLEET, "--roles", "deploy")
    assert code == 0, said
    assert "StackSet operation operation-1 ended as FAILED" in said and "444455556666\tFAILED\tAn SCP denies iam:CreateRole" in said


def test_without_an_organization_the_commands_hold_a_stand_in(account):
    new = account()
    (new.state / "alone").touch()
    code, said = new.deploy(*FLEET)
    assert code == 0, said
    assert "the organization cannot be looked at from here" in said and "OrganizationId" not in parameters_of(new)
    assert "OrganizationId" not in said.split("create-stack-set")[1].split("\n")[0]


def test_accounts_outside_the_organization_can_be_let_in(account):
    new = account()
    code, said = new.deploy(*FLEET, "--organization-id", "")
    assert code == 0, said
    assert parameters_of(new)["OrganizationId"] == "" and '"OrganizationId"' not in said


@pytest.mark.parametrize(("spare", "reserved", "message"), [("1000", "52", ""), ("120", None, "none is reserved for the hub"), ("40", None, "say --parameter MaxConcurrency=30")])
def test_executions_are_reserved_where_there_is_room(account, spare, reserved, message):
    new = account()
    (new.state / "spare").write_text(spare)
    code, said = new.deploy(*FLEET)
    assert code == 0 and message in said, said
    assert parameters_of(new).get("WorkerConcurrency") == reserved


def test_a_schedule_that_is_off_is_named(account):
    new = account()
    (new.state / "schedule").write_text("DISABLED\n")
    code, said = new.deploy(*FLEET)
    assert code == 0 and "the schedule schedule-1 is not switched on (it is DISABLED), so the fleet is not measured" in said


def test_a_hub_is_no_monitor_and_a_monitor_no_hub(account):
    hub, monitor = account(), account()
    assert hub.deploy(*FLEET)[0] == 0 and monitor.deploy()[0] == 0
    for running, options in ((hub, []), (monitor, FLEET)):
        for run in (running.deploy, lambda *o, r=running: r.run("--delete", "--yes", *o)):
            code, said = run(*options)
            assert code != 0 and re.search(r"is (the|no) hub of a fleet", said), said
            assert not changes(running.calls), running.calls


def test_deleting_the_hub_keeps_the_data_and_says_how_to_remove_the_roles(account):
    new = account()
    assert new.deploy(*FLEET, "--roles", "deploy")[0] == 0
    code, said = new.run("--delete", "--yes", *FLEET)
    assert code == 0, said
    assert not new.has("status") and not new.has("hub")
    assert "Kept: table table-1" in said and "Kept: bucket bucket-1" in said
    assert new.has("set") and new.has("instances"), "the roles stay"
    instances, whole, plain = printed(said)
    assert "delete-stack-instances" in instances and "--no-retain-stacks" in instances and "OrganizationalUnitIds=r-a1b2" in instances
    assert "delete-stack-set" in whole and option(whole, "--stack-set-name") == READER
    assert "delete-stack" in plain and option(plain, "--stack-name") == READER
    assert "nobody can take any more" in said
    # Once more: there is nothing, and the roles are still named.
    code, said = new.run("--delete", "--yes", *FLEET)
    assert code == 0 and f"There is no stack {STACK}" in said and len(printed(said)) == 3


@pytest.mark.parametrize("trouble", ["denied", "stopped", "expired"])
def test_wherever_it_ends_what_is_there_is_named_and_the_next_run_ends_well(account, trouble):
    """Every call of a deployment with roles in its turn."""
    whole = account()
    assert whole.deploy(*FLEET, "--roles", "deploy")[0] == 0
    calls = whole.calls
    assert len(calls) > 25
    for number, call in enumerate(calls, 1):
        running = account()
        code, said = running.deploy(*FLEET, "--roles", "deploy", trouble=f"{trouble} {number}")
        made = [c for c in changes(running.calls) if c != "lambda invoke"]
        if code != 0 and (running.has("status") or running.left()):
            assert re.search(r"Run this script again|goes on by itself", said), f"{trouble} at {number} ({call}): {said}"
        if code != 0 and not made:
            assert "error:" in said or trouble == "stopped"
        code, said = running.deploy(*FLEET, "--roles", "deploy")
        assert code == 0, f"after {trouble} at {number} ({call}): {said}"
        assert running.has("hub") and running.has("set") and running.has("instances") and running.has("reader-stack")


def test_a_dry_run_makes_nothing(account):
    new = account()
    for options in ([], ["--roles", "deploy"], ["--delete"]):
        code, said = new.deploy(*FLEET, "--dry-run", *options)
        assert code == 0, said
        assert not new.calls or not changes(new.calls)
        assert "cloudformation" in said and EMAIL in said or "--delete" in options


def test_a_script_alone_says_what_it_needs(account, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "deploy.sh").write_text((ROOT / "deploy.sh").read_text())
    new = account()
    code, said = new.deploy(*FLEET, script=alone / "deploy.sh")
    assert code != 0 and "unpack the release's fleet.tar.gz there" in said and not new.calls
