"""The templates of a fleet: what each role may do and who may take it, and what the hub's resources say.

Who may take a role is decided by an implementation of IAM's rules that is not this project's, the npm package
@cloud-copilot/iam-simulate. What the state machine does is test_fleet_machine.py's subject.
"""

import json
import os
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from cfnlint.decode import cfn_yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from conftest import ROOT
from template import EVERYTHING, PSEUDO, TEMPLATE, Deployment
from test_deployer import OTHER_FEATURES, UNUSED
from test_iam import ACTION_OF, NEWER_THAN_THE_REFERENCE, REFERENCE, actions_for, granted, listed, recorded_calls, resource_patterns
from test_lint import clean

FLEET = ROOT / "fleet"
TEMPLATES = ["hub", "reader-role", "writer-role"]
HUB_ACCOUNT, TARGET, STRANGER = "222233334444", PSEUDO["AWS::AccountId"], "999988887777"
ORGANIZATION, OTHER_ORGANIZATION, EXTERNAL_ID = "o-a1b2c3d4e5", "o-z9y8x7w6v5", "fleet-7f3a"


class Reader(Deployment):
    template, required = cfn_yaml.load(str(FLEET / "reader-role.yaml")), {"HubAccount": HUB_ACCOUNT}


class Writer(Deployment):
    template = cfn_yaml.load(str(FLEET / "writer-role.yaml"))
    required = {"HubAccount": HUB_ACCOUNT, "OperatorRoleName": "teams/quota-operators"}


class Hub(Deployment):
    template = cfn_yaml.load(str(FLEET / "hub.yaml"))

    def pairs(self, role):
        """(action, resource) of each allowed pair of one of its roles."""
        extra = [p for p in self.of_type("AWS::IAM::Policy").values() if f"<{role}>" in p["Roles"]]
        policies = self.resources[role]["Properties"]["Policies"] + extra
        statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
        assert all(s["Effect"] == "Allow" for s in statements)
        return {(a, r) for s in statements for a in listed(s["Action"]) for r in listed(s["Resource"])}

    def actions(self, role):
        return {action for action, _ in self.pairs(role)}


ALL_ON = {
    "NotificationEmail": "a@example.com",
    "OrganizationId": ORGANIZATION,
    "FleetOus": "ou-a1b2-c3d4e5f6,r-a1b2",
    "FleetOwnerTag": "owner",
    "FleetExternalId": EXTERNAL_ID,
    "CreateKmsKey": "true",
    "EnableTracing": "true",
    "QuotaOverridesParameter": "/connect/quota-overrides",
    "EventsTopicArn": "arn:aws-us-gov:sns:us-gov-west-1:111122223333:events",
    "EventBusName": "default",
    "WorkerConcurrency": "52",
}

# ---- Linters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "us-gov-west-1"])
def test_cfn_lint(tool, name, region):
    path = f"fleet/{name}.yaml"
    clean(tool("cfn-lint"), "--template", path, "--regions", region, "--non-zero-exit-code", "informational")


@pytest.mark.parametrize("name", TEMPLATES)
def test_checkov(name):
    program = os.environ.get("CHECKOV", "checkov")
    path = f"fleet/{name}.yaml"
    said = clean(program, "--file", path, "--framework", "cloudformation", "--quiet", "--compact", "--skip-download")
    assert re.search(r"Failed checks: 0\b", said), said


def test_every_skip_is_justified_in_place():
    for name in TEMPLATES:
        resources = cfn_yaml.load(str(FLEET / f"{name}.yaml"))["Resources"]
        for resource, body in resources.items():
            for skip in body.get("Metadata", {}).get("checkov", {}).get("skip", []):
                assert len(skip["comment"]) > 40, f"{resource} skips {skip['id']} without a reason"


@pytest.mark.parametrize("machine", ["Machine", "Starter"])
def test_cfn_lint_of_the_state_machines(tool, tmp_path, machine):
    """As an object, cfn-lint knows their language; as text it does not look into them. It knows one partition."""
    definition = json.loads(Hub().resources[machine]["Properties"]["DefinitionString"].replace("arn:aws-us-gov:", "arn:aws:"))
    role = "arn:aws:iam::111122223333:role/x"
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": role, "Definition": definition}}
    path = tmp_path / "machine.json"
    path.write_text(json.dumps({"Resources": {"Machine": resource}}))
    clean(tool("cfn-lint"), "--template", str(path), "--regions", "us-east-1")
    definition["States"][definition["StartAt"]]["Type"] = "Wonder"
    path.write_text(json.dumps({"Resources": {"Machine": resource}}))
    assert subprocess.run([tool("cfn-lint"), "--template", str(path)], capture_output=True).returncode != 0


# ---- The reader role -------------------------------------------------------------------------------


def measuring():
    """What template.yaml grants for measuring, in its own Region."""
    (policy,) = [p for p in Deployment().resources["Role"]["Properties"]["Policies"] if p["PolicyName"] == "measure"]
    return {(a, r) for s in policy["PolicyDocument"]["Statement"] for a in listed(s["Action"]) for r in listed(s["Resource"])}


#: Which Regions are switched on in an account.
DISCOVERING = {("account:ListRegions", "arn:aws-us-gov:account::111122223333:account")}


def test_the_reader_has_what_the_template_measures_with_in_every_region():
    everywhere = {(a, r.replace(":us-gov-west-1:", ":*:")) for a, r in measuring()}
    have = granted(Reader())
    assert (everywhere | DISCOVERING) - have == set(), "the function measures with it, and the reader lacks it"
    assert have - (everywhere | DISCOVERING) == set(), "the reader has it, and the function does not measure with it"


#: Calls of a run that are the hub's own: its stores and channels. In a cell, alarms and requests are off.
OF_THE_HUB = {
    *("dynamodb:PutItem", "dynamodb:GetItem", "s3:PutObject", "s3:GetObject", "s3:ListBucket", "ssm:GetParameter"),
    *("sns:Publish", "sns:GetTopicAttributes", "events:PutEvents", "sts:GetCallerIdentity"),
}
OFF_IN_A_CELL = {
    *("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"),
    *("servicequotas:RequestServiceQuotaIncrease", "servicequotas:CreateSupportCase"),
}


def test_the_recorded_calls_of_a_run_are_granted_to_the_reader():
    recorded = recorded_calls()
    recorded = {ACTION_OF.get(name, name) for name in recorded}
    want = actions_for(recorded - OF_THE_HUB - OFF_IN_A_CELL - HUB_CALLS - WITH_UNITS - WITH_OWNERS) | {action for action, _ in DISCOVERING}
    have = {action for action, _ in granted(Reader())}
    assert want - have == set(), "called in a run, but not granted"
    assert have - want == set(), "granted, but not called in a run"


def test_the_reader_cannot_write():
    levels = {}
    for action, _ in granted(Reader()):
        service, name = action.split(":")
        privilege = REFERENCE[service]["privileges"].get(name)
        assert privilege or action in NEWER_THAN_THE_REFERENCE, action
        levels[action] = privilege["access_level"] if privilege else name[:4]
    assert len(levels) > 80 and set(levels.values()) <= {"Read", "List"}, levels
    assert all(re.match(r"(List|Get|Search|Describe|Lookup|BatchGet)[A-Z]", action.split(":")[1]) for action in levels)


def test_writing_is_denied_to_the_reader():
    """Every action of the services it reads in that is no read, and what thieves look for first."""
    identity = [{"name": p["PolicyName"], "policy": p["PolicyDocument"]} for p in Reader().resources["Role"]["Properties"]["Policies"]]
    services = {action.split(":")[0] for action, _ in granted(Reader())} - {"ds"}
    tried = [
        f"{service}:{name}"
        for service in sorted(services)
        for name, privilege in REFERENCE[service]["privileges"].items()
        if privilege["access_level"] not in ("Read", "List")
    ] + ["iam:CreateUser", "iam:PassRole", "sts:AssumeRole", "s3:GetObject", "dynamodb:PutItem", "secretsmanager:GetSecretValue"]
    assert len(tried) > 400
    allowed = {action for action, _ in granted(Reader())}
    assert not [a for a in tried if any(fnmatchcase(a.lower(), g.lower()) for g in allowed)]
    session = f"arn:aws-us-gov:sts::{TARGET}:assumed-role/ConnectQuotaMonitorReader/s"
    checked = [("cloudwatch:PutMetricAlarm", f"arn:aws-us-gov:cloudwatch:us-gov-west-1:{TARGET}:alarm:x")]
    checked += [("connect:DeleteInstance", f"arn:aws-us-gov:connect:us-gov-west-1:{TARGET}:instance/x")]
    checked += [("servicequotas:RequestServiceQuotaIncrease", f"arn:aws-us-gov:servicequotas:us-gov-west-1:{TARGET}:connect/L-1")]
    checked += [("iam:CreateUser", f"arn:aws-us-gov:iam::{TARGET}:user/x"), ("connect:ListUsers", f"arn:aws-us-gov:connect:eu-west-1:{TARGET}:instance/x")]
    requests = [request(session, action, resource, TARGET, identity, None) for action, resource in checked]
    assert decide(requests) == ["ImplicitlyDenied"] * 4 + ["Allowed"]


# ---- Who may take a role ---------------------------------------------------------------------------


def npm():
    folder = Path(os.environ.get("NPM_TOOLS", ROOT / "target" / "npm"))
    if not (folder / "node_modules" / "@cloud-copilot").exists():
        message = f"{folder} lacks the tools of tests/deploy/npm: tests/deploy/run.sh installs them"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return folder


def decide(requests):
    command = ["node", ROOT / "tests" / "deploy" / "npm" / "simulate.mjs", npm()]
    done = subprocess.run(command, input=json.dumps(requests), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def request(principal, action, resource, account, identity, trust, **context):
    return {
        "request": {
            "principal": principal,
            "action": action,
            "resource": {"resource": resource, "accountId": account},
            "contextVariables": {key.replace("__", ":"): value for key, value in context.items()},
        },
        "identityPolicies": identity,
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        **({"resourcePolicy": trust} if trust else {}),
    }


#: Whoever comes may take every role, as far as the own account is asked: what decides is the trust.
ADMINISTRATOR = [{"name": "all", "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]
ARN = "arn:aws-us-gov"
#: (principal, aws:PrincipalArn as IAM fills it in: for a session the role's ARN, whatever the session is called).
HUB = (f"{ARN}:sts::{HUB_ACCOUNT}:assumed-role/ConnectQuotaMonitorFleet/run-1", f"{ARN}:iam::{HUB_ACCOUNT}:role/ConnectQuotaMonitorFleet")


def session(account, role, name="s", path=""):
    return f"{ARN}:sts::{account}:assumed-role/{role}/{name}", f"{ARN}:iam::{account}:role/{path}{role}"


def user(account, name):
    return (f"{ARN}:iam::{account}:user/{name}",) * 2


#: who, organization of the caller, external id that is stated (none: none), may it with a role that asks for
#: (nothing, the organization, the external id, both).
WHO = {
    "the hub's function": (HUB, ORGANIZATION, EXTERNAL_ID, (True, True, True, True)),
    "the hub's function without an external id": (HUB, ORGANIZATION, None, (True, True, False, False)),
    "the hub's function with a wrong external id": (HUB, ORGANIZATION, "fleet-7f3b", (True, True, False, False)),
    "the hub's function with an external id in capitals": (HUB, ORGANIZATION, EXTERNAL_ID.upper(), (True, True, False, False)),
    "the hub's function, its account in another organization": (HUB, OTHER_ORGANIZATION, EXTERNAL_ID, (True, False, True, False)),
    "the hub's function, its account in no organization": (HUB, None, EXTERNAL_ID, (True, False, True, False)),
    "another role of the hub's account": (session(HUB_ACCOUNT, "Admin"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "another role of the hub's account, its session named as the hub's role": (
        session(HUB_ACCOUNT, "Admin", "ConnectQuotaMonitorFleet"),
        *(ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    ),
    "a role whose name begins as the hub's": (session(HUB_ACCOUNT, "ConnectQuotaMonitorFleet2"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "a role whose name ends as the hub's": (session(HUB_ACCOUNT, "XConnectQuotaMonitorFleet"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "a role of that name with a path": (session(HUB_ACCOUNT, "ConnectQuotaMonitorFleet", path="x/"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "a role of that name in small letters": (session(HUB_ACCOUNT, "connectquotamonitorfleet"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "a user of that name": (user(HUB_ACCOUNT, "ConnectQuotaMonitorFleet"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "an administrator of the hub's account": (user(HUB_ACCOUNT, "admin"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "the hub's account's root user": ((f"{ARN}:iam::{HUB_ACCOUNT}:root",) * 2, ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "a role of that name in another account": (session(STRANGER, "ConnectQuotaMonitorFleet"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "a role of that name in the target itself": (session(TARGET, "ConnectQuotaMonitorFleet"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "an administrator of the target itself": (session(TARGET, "Admin"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
    "an administrator of another account": (session(STRANGER, "Admin"), ORGANIZATION, EXTERNAL_ID, (False,) * 4),
}
ASKED = [{}, {"OrganizationId": ORGANIZATION}, {"ExternalId": EXTERNAL_ID}, {"OrganizationId": ORGANIZATION, "ExternalId": EXTERNAL_ID}]


def trust_of(deployment):
    return deployment.resources["Role"]["Properties"]["AssumeRolePolicyDocument"]


def taking(trust, principal, organization, external_id, role="ConnectQuotaMonitorReader"):
    context = {"aws__PrincipalArn": principal[1], "aws__PrincipalAccount": principal[1].split(":")[4]}
    if organization:
        context["aws__PrincipalOrgID"] = organization
    if external_id:
        context["sts__ExternalId"] = external_id
    return request(principal[0], "sts:AssumeRole", f"{ARN}:iam::{TARGET}:role/{role}", TARGET, ADMINISTRATOR, trust, **context)


@pytest.mark.parametrize("asked", range(4), ids=["nothing", "organization", "external id", "both"])
def test_who_may_take_the_reader(asked):
    trust = trust_of(Reader(**ASKED[asked]))
    decided = decide([taking(trust, *who) for *who, _ in WHO.values()])
    assert dict(zip(WHO, (d == "Allowed" for d in decided), strict=True)) == {name: may[asked] for name, (*_, may) in WHO.items()}


def test_who_may_take_the_writer():
    """The same conditions around another role: the hub's own function may not."""
    trust = trust_of(Writer(OrganizationId=ORGANIZATION, ExternalId=EXTERNAL_ID))
    operators = session(HUB_ACCOUNT, "quota-operators", path="teams/")
    cases = {
        "operators": (operators, ORGANIZATION, EXTERNAL_ID, True),
        "operators of another organization": (operators, OTHER_ORGANIZATION, EXTERNAL_ID, False),
        "operators without an external id": (operators, ORGANIZATION, None, False),
        "a role of that name elsewhere": (session(HUB_ACCOUNT, "quota-operators"), ORGANIZATION, EXTERNAL_ID, False),
        "the hub's function": (HUB, ORGANIZATION, EXTERNAL_ID, False),
    }
    decided = decide([taking(trust, *who, role="ConnectQuotaMonitorWriter") for *who, _ in cases.values()])
    assert [d == "Allowed" for d in decided] == [may for *_, may in cases.values()]


def test_no_name_can_be_a_pattern():
    """ArnEquals takes stars in a policy for any text: a name with one would let others in."""
    for deployment, names in ((Reader, ("HubRoleName", "RoleName")), (Writer, ("OperatorRoleName", "RoleName")), (Hub, ("HubRoleName", "FleetRoleName"))):
        for name in names:
            pattern = deployment.template["Parameters"][name]["AllowedPattern"]
            assert re.fullmatch(pattern, "ConnectQuotaMonitorFleet")
            assert not any(re.fullmatch(pattern, bad) for bad in ("*", "Connect*", "a?c", "${aws:username}", "", "/x", "a b"))
    for name in ("OrganizationId", "ExternalId"):
        assert not any(re.fullmatch(Reader.template["Parameters"][name]["AllowedPattern"], bad) for bad in ("*", "o-*", "a*"))


def test_one_statement_of_trust_and_nothing_else():
    for deployment in (Reader(**ASKED[3]), Writer(**ASKED[3])):
        (statement,) = trust_of(deployment)["Statement"]
        assert statement["Principal"] == {"AWS": f"{ARN}:iam::{HUB_ACCOUNT}:root"} and statement["Action"] == "sts:AssumeRole"
        assert set(statement["Condition"]) == {"ArnEquals", "StringEquals"}
        assert "ManagedPolicyArns" not in deployment.resources["Role"]["Properties"]
        assert set(deployment.resources) == {"Role"}, "nothing else is made in an account"
    (plain,) = trust_of(Reader())["Statement"]
    assert set(plain["Condition"]) == {"ArnEquals"}


def test_the_writer_writes_what_the_template_writes():
    """The template's own alarms and requests, in every Region, and in the folder of a prefix."""
    own = Deployment(**EVERYTHING)
    policies = [p for p in own.resources["Role"]["Properties"]["Policies"] if p["PolicyName"] in ("alarms", "ask")]
    want = {(a, r) for p in policies for s in p["PolicyDocument"]["Statement"] for a in listed(s["Action"]) for r in listed(s["Resource"])}
    want = {(a, r.replace(":us-gov-west-1:", ":*:").replace(":alarm:stack/us-gov-west-1/", ":alarm:connect-quota-monitor/")) for a, r in want}
    assert granted(Writer()) == want


# ---- The hub's own roles ---------------------------------------------------------------------------


def hub_identity(**parameters):
    role = Hub(**parameters).resources["Role"]["Properties"]
    return [{"name": p["PolicyName"], "policy": p["PolicyDocument"]} for p in role["Policies"]]


def test_what_the_hub_may_take():
    trust = trust_of(Reader(OrganizationId=ORGANIZATION))
    open_trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"{ARN}:iam::{HUB_ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]}
    cases = [
        ("ConnectQuotaMonitorReader", ORGANIZATION, trust, True),
        ("ConnectQuotaMonitorReader", OTHER_ORGANIZATION, open_trust, False),
        ("ConnectQuotaMonitorWriter", ORGANIZATION, open_trust, False),
        ("Admin", ORGANIZATION, open_trust, False),
    ]
    requests = []
    for role, organization, how, _ in cases:
        asked = taking(how, HUB, ORGANIZATION, None, role)
        asked["identityPolicies"] = hub_identity(OrganizationId=ORGANIZATION)
        asked["request"]["contextVariables"]["aws:ResourceOrgID"] = organization
        requests.append(asked)
    assert [d == "Allowed" for d in decide(requests)] == [may for *_, may in cases]


def config_table(name):
    text = "".join(p.read_text() for p in (ROOT / "src" / "config").glob("*.rs"))
    table = re.search(rf"pub const {name}: &\[\(&str, &str\)\] = &\[(.*?)\];", text, re.S)
    return [match for match in re.findall(r'\("([A-Z0-9_]+)",', table[1])] if table else []


#: Off in a cell: alarms, requests for more, and what a cell without news would say for itself. Watches belong to one account and Region. Cells write no metrics.
NOT_IN_A_FLEET = re.compile(r"ALL_CLEAR_DAYS|MANAGE_|API_ALARM_|AUTO_|WATCH_|GENESYS_|RUN_METRICS|ACCOUNT_NAME$")


def test_the_function_has_every_variable_of_the_program():
    """A new variable belongs into fleet/hub.yaml too, or into NOT_IN_A_FLEET with the reason."""
    have = set(Hub(**ALL_ON).function["Environment"]["Variables"])
    fleet = config_table("FLEET_VARS")
    if not fleet:
        pytest.skip("the program has no table of a fleet's variables")
    want = {name for name in config_table("VARS") if not NOT_IN_A_FLEET.match(name)} | set(fleet)
    assert have == want


#: What the function asks for as a hub; its stores and channels are template.yaml's.
HUB_CALLS = {"sts:AssumeRole", "organizations:ListAccounts"}
WITH_UNITS = {"organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"}
WITH_OWNERS = {"organizations:ListTagsForResource"}
KEEPING = {
    *("dynamodb:PutItem", "dynamodb:GetItem", "s3:PutObject", "s3:GetObject", "s3:ListBucket", "sns:Publish"),
    *("sns:GetTopicAttributes", "logs:CreateLogStream", "logs:PutLogEvents"),
}


def test_the_functions_grants_are_exactly_what_it_calls():
    assert Hub().actions("Role") == HUB_CALLS | KEEPING
    assert Hub(FleetOus="r-a1b2").actions("Role") == HUB_CALLS | KEEPING | WITH_UNITS
    assert Hub(FleetOwnerTag="owner").actions("Role") == HUB_CALLS | KEEPING | WITH_OWNERS
    more = {"events:PutEvents", "ssm:GetParameter", "kms:Decrypt", "kms:GenerateDataKey", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert Hub(**ALL_ON).actions("Role") == HUB_CALLS | KEEPING | WITH_UNITS | WITH_OWNERS | more
    # It measures with the accounts' roles only.
    assert not [a for a in Hub(**ALL_ON).actions("Role") if a.startswith(("connect", "cases", "profile", "wisdom", "servicequotas", "cloudwatch"))]


def test_the_hubs_stores_are_the_programs():
    pairs = Hub().pairs("Role")
    assert {r for a, r in pairs if a.startswith("dynamodb:")} == {"<SnapshotsTable.Arn>"}
    written = {r.removeprefix("<HistoryBucket.Arn>/") for a, r in pairs if a == "s3:PutObject"}
    assert written == {"connect-metrics/*", "connect-reports/*", "fleet/*"}, "the ledger is in the table"
    assert {r for a, r in pairs if a == "s3:GetObject"} == {"<HistoryBucket.Arn>/fleet/*", "<HistoryBucket.Arn>/connect-reports/*/latest/*"}


def test_the_lists_and_the_digests_memory_never_expire():
    for rule in Hub().resources["HistoryBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
        if "ExpirationInDays" in rule:
            assert rule["Prefix"] in ("connect-metrics/", "connect-reports/")


@pytest.mark.parametrize("role", ["Role", "MachineRole", "StarterRole", "ScheduleRole"])
def test_every_action_is_scoped_where_aws_can(role):
    for action, resource in Hub(**ALL_ON).pairs(role):
        assert "*" not in action
        if resource == "*":
            assert not resource_patterns(action), f"{action} takes a resource"
        else:
            assert resource_patterns(action), f"{action} takes no resource: the grant would never match"


def services_of(machine):
    """The actions behind the integrations of a state machine, found in its definition."""
    text = Hub().resources[machine]["Properties"]["DefinitionString"]
    named = {"lambda:invoke": "lambda:InvokeFunction", "s3:getObject": "s3:GetObject", "states:startExecution": "states:StartExecution"}
    named |= {"aws-sdk:sfn:listExecutions": "states:ListExecutions"}
    return {named[name] for name in re.findall(r'"arn:aws-us-gov:states:::([^"]+)"', text)}


def test_the_machines_grants_are_exactly_what_they_call():
    logging = {a for a in Hub().actions("MachineRole") if a.startswith("logs:")}
    assert len(logging) == 8
    # A distributed map starts, follows and stops executions of its own machine.
    children = {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"}
    assert Hub().actions("MachineRole") == services_of("Machine") | children | logging
    assert Hub().actions("StarterRole") == services_of("Starter") | logging
    assert Hub().actions("ScheduleRole") == {"states:StartExecution", "sqs:SendMessage"}
    tracing = {a for a in Hub(EnableTracing="true").actions("MachineRole") if a.startswith("xray:")}
    assert len(tracing) == 4
    assert "kms:Decrypt" in Hub(CreateKmsKey="true").actions("MachineRole"), "the list is encrypted"
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= Hub(CreateKmsKey="true").actions("ScheduleRole"), "the queue is encrypted"


def test_only_the_own_service_of_the_own_account_takes_the_hubs_roles():
    services = {"Role": "lambda", "MachineRole": "states", "StarterRole": "states", "ScheduleRole": "scheduler"}
    for role, service in services.items():
        (statement,) = Hub().resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        if service != "lambda":
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": TARGET}}


# ---- The hub's resources ---------------------------------------------------------------------------

#: Differ on purpose: there is no StackSet of hubs, and the fleet's variables need their share of the environment.
OWN_PARAMETERS = {"CodeS3Bucket", "QuotaOverrides", "QuotaOverridesParameter", "QuotaOverridesObject"}


def test_parameters_that_have_the_same_name_are_the_same():
    shared = set(Hub.template["Parameters"]) & set(TEMPLATE["Parameters"]) - OWN_PARAMETERS
    assert len(shared) >= 23
    for name in shared:
        assert Hub.template["Parameters"][name] == TEMPLATE["Parameters"][name], name


def test_the_environment_fits_at_its_longest():
    """Lambda takes 4 KB of names and values together."""

    def longest(name, text="x"):
        return text.ljust(Hub.template["Parameters"][name]["MaxLength"], "x")

    texts = ("FleetOus", "FleetExcludeAccounts", "FleetRegions", "FleetOwnerTag", "IncludeInstances", "ExcludeInstances", "QuotaOverrides")
    worst = Hub(
        **ALL_ON
        | {name: longest(name) for name in texts}
        | {name: longest(name) for name in ("EventsTopicArn", "ExistingTopicArn", "EventBusName")}
        | {"QuotaOverridesParameter": "", "FleetRoleName": "r" * 64, "FleetExternalId": "e" * 64, "ConnectPacing": "per-operation"}
        | {"ReminderHours": "8784", "ReminderHoursBuild": "8784", "HistoryRetentionDays": "3653", "DetailCallBudget": "10000"}
        | {"ThresholdPercentage": "100", "CriticalPercentage": "100", "ConnectRateShare": "100", "ForecastDays": "365"}
    ).function["Environment"]["Variables"]
    made = {"DYNAMODB_TABLE": "t" * 255, "S3_BUCKET": "b" * 63}
    assert sum(len(name) + len(made.get(name, str(value))) for name, value in worst.items()) <= 4096
    for name, text in (("QuotaOverridesParameter", "/x"), ("QuotaOverridesObject", "b/k")):
        assert len("s3://" + longest(name, text)) <= Hub.template["Parameters"]["QuotaOverrides"]["MaxLength"]


def test_every_parameter_is_used_and_grouped():
    text = (FLEET / "hub.yaml").read_text()
    body = text[text.index("\nConditions:") :]
    groups = Hub.template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(p for g in groups for p in g["Parameters"]) == sorted(Hub.template["Parameters"])
    for name in Hub.template["Parameters"]:
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", body), f"{name} is not used"


@pytest.mark.parametrize("parameters", [{}, ALL_ON, {"KmsKeyArn": EVERYTHING.get("KmsKeyArn", "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/given")}], ids=["default", "everything", "given key"])
def test_all_that_holds_something_is_encrypted_and_kept(parameters):
    hub = Hub(**parameters)
    with_key = hub.holds("UseKey")
    table, bucket, queue = (hub.resources[n]["Properties"] for n in ("SnapshotsTable", "HistoryBucket", "FailureQueue"))
    assert ("SSESpecification" in table) == with_key
    algorithm = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
    assert algorithm == ("aws:kms" if with_key else "AES256")
    assert ("KmsMasterKeyId" in queue) == with_key == ("SqsManagedSseEnabled" not in queue)
    assert ("KmsKeyArn" in hub.function) == with_key == ("KmsMasterKeyId" in hub.resources["AlertTopic"]["Properties"])
    for group in hub.of_type("AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == "30" and ("KmsKeyId" in group) == with_key
    for name in ("SnapshotsTable", "HistoryBucket", *(["Key"] if parameters.get("CreateKmsKey") else [])):
        assert hub.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert hub.resources[name]["UpdateReplacePolicy"] == "Retain"


def test_no_more_executions_than_the_map_needs_are_reserved():
    assert "ReservedConcurrentExecutions" not in Hub().function
    assert Hub(WorkerConcurrency="52").function["ReservedConcurrentExecutions"] == "52"


def test_every_alarm_tells_and_names_its_chapter():
    alarms = Hub().of_type("AWS::CloudWatch::Alarm")
    assert set(alarms) == {"FailedAlarm", "TimedOutAlarm", "StarterAlarm", "NotStartedAlarm", "UnseenCellsAlarm", "FailureQueueAlarm"}
    docs = (ROOT / "docs" / "FLEET.md").read_text()
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["<AlertTopic>"]
        (chapter,) = re.findall(r'See "(.+)" in docs/FLEET\.md', alarm["AlarmDescription"])
        assert re.search(rf"(?m)^#+ {re.escape(chapter)}$", docs)
    assert alarms["NotStartedAlarm"]["InsufficientDataActions"] == ["<AlertTopic>"]
    assert alarms["NotStartedAlarm"]["Period"] * alarms["NotStartedAlarm"]["EvaluationPeriods"] == 3 * 3600
    unseen = alarms["UnseenCellsAlarm"]
    assert unseen["EvaluationPeriods"] == unseen["DatapointsToAlarm"] == 2
    metrics = {m["Id"]: m["MetricStat"]["Metric"]["MetricName"] for m in unseen["Metrics"] if "MetricStat" in m}
    assert metrics == {"expected": "FleetCellsExpected", "seen": "FleetCellsSeen"}
    source = "".join(p.read_text() for p in (ROOT / "src").rglob("*.rs"))
    if "FleetCells" in source:
        assert all(name in source for name in metrics.values()), "the program writes other metrics"
    assert {m["MetricStat"]["Metric"]["Namespace"] for m in unseen["Metrics"] if "MetricStat" in m} == {"ConnectQuotaMonitor"}


def test_the_schedule_gives_its_time_and_its_failures_are_kept():
    schedule = Hub(MinuteOfHour="17").resources["Schedule"]["Properties"]
    assert schedule["ScheduleExpression"] == "cron(17 * * * ? *)" and schedule["State"] == "ENABLED"
    assert json.loads(schedule["Target"]["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": "<FailureQueue.Arn>"}


def test_nothing_is_retried_but_what_lambda_did_not_start():
    machine = json.loads(Hub().resources["Machine"]["Properties"]["DefinitionString"])
    cells = machine["States"]["Cells"]
    tasks = [*machine["States"].values(), *cells["ItemProcessor"]["States"].values()]
    retriers = [r for task in tasks for r in task.get("Retry", [])]
    assert len(retriers) == 3
    for retrier in retriers:
        assert retrier["ErrorEquals"] == ["Lambda.TooManyRequestsException"] and retrier["JitterStrategy"] == "FULL"
    assert cells["MaxConcurrency"] == 50 and cells["ToleratedFailurePercentage"] == 100
    assert cells["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    # A task waits longer than the function may take, or its answer would be lost.
    longest = Hub.template["Parameters"]["LambdaTimeout"]["MaxValue"]
    assert all(task["TimeoutSeconds"] > longest for task in tasks if task["Type"] == "Task")
    assert json.loads(Hub(MaxConcurrency="7").resources["Machine"]["Properties"]["DefinitionString"])["States"]["Cells"]["MaxConcurrency"] == 7


def test_no_partition_is_written_down():
    for name in TEMPLATES:
        text = (FLEET / f"{name}.yaml").read_text()
        code = "\n".join(line for line in text.splitlines() if not re.match(r"\s*(Description|AllowedPattern|#)", line))
        assert "arn:aws:" not in code and "amazonaws.com.cn" not in code


# ---- Whoever deploys -------------------------------------------------------------------------------

#: Beside the policy for one account's stack.
DEPLOYER = json.loads((ROOT / "docs" / "deployer-policy-fleet.json").read_text())
STACK = "connect-quota-monitor-fleet"
#: What the stack and the script make, whose names the other policy does not know.
NAMED = {
    "states": [f"arn:aws:states:REGION:ACCOUNT:stateMachine:Machine-{STACK}"],
    "scheduler": [f"arn:aws:scheduler:REGION:ACCOUNT:schedule/default/{STACK}-Schedule-1A2B"],
    "iam": ["arn:aws:iam::ACCOUNT:role/ConnectQuotaMonitorFleet"],
    "logs": [f"arn:aws:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/states/{STACK}:*"],
    "cloudformation": [f"arn:aws:cloudformation:REGION:ACCOUNT:stack/{name}/1a2b" for name in (STACK, "connect-quota-monitor-reader")],
}
#: Logs of other features, and what only bucket and key need, which the other policy has.
ELSEWHERE = re.compile(r"kms:|s3:|iam:(Create|Delete)ServiceLinkedRole|logs:(PutIndexPolicy|DeleteIndexPolicy|DescribeIndexPolicies)$")
#: What each command of fleet/deploy.sh asks for; none stands for those that are only printed.
COMMANDS = {
    "organizations describe-organization": "organizations:DescribeOrganization",
    "organizations list-roots": "organizations:ListRoots",
    "cloudformation describe-organizations-access": "cloudformation:DescribeOrganizationsAccess",
    "cloudformation describe-stack-set": "cloudformation:DescribeStackSet",
    "cloudformation create-stack-set": "cloudformation:CreateStackSet",
    "cloudformation update-stack-set": "cloudformation:UpdateStackSet",
    "cloudformation create-stack-instances": "cloudformation:CreateStackInstances",
    "cloudformation describe-stack-set-operation": "cloudformation:DescribeStackSetOperation",
    "cloudformation list-stack-set-operation-results": "cloudformation:ListStackSetOperationResults",
    "cloudformation deploy": "cloudformation:CreateChangeSet",
    "iam get-role": "iam:GetRole",
    "lambda get-account-settings": None,
    "scheduler get-schedule": "scheduler:GetSchedule",
    "cloudformation delete-stack-instances": None,
    "cloudformation delete-stack-set": None,
}


def may_deploy(action, resource):
    statements = DEPLOYER["Statement"] + ALONE_POLICY["Statement"]
    return any(
        s["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), a.lower()) for a in listed(s["Action"]))
        and any(fnmatchcase(resource, r) for r in listed(s["Resource"]))
        for s in statements
    )


ALONE_POLICY = json.loads((ROOT / "docs" / "deployer-policy.json").read_text())


@pytest.mark.parametrize("kind", sorted({r["Type"] for r in Hub.template["Resources"].values()} - {r["Type"] for r in TEMPLATE["Resources"].values()} | {"AWS::IAM::Role", "AWS::Logs::LogGroup"}))
def test_the_deployers_policies_are_enough_for_cloudformation(kind):
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    needed = {p for h in ("create", "read", "update", "delete") for p in handlers.get(h, {}).get("permissions", [])}
    needed = {p for p in needed - set(UNUSED) if not ELSEWHERE.match(p) and not p.startswith(OTHER_FEATURES)}
    assert needed
    for action in needed:
        service = action.split(":")[0]
        for resource in NAMED[service] if resource_patterns(action) else ["*"]:
            assert may_deploy(action, resource), f"{action} on {resource}"


def test_the_deployers_policies_are_enough_for_the_script():
    text = (FLEET / "deploy.sh").read_text()
    commands = {f"{service} {call}" for service, call in re.findall(r'"\$\{AWS\[@\]\}" ([a-z0-9]+) ([a-z-]+)', text)}
    assert commands == set(COMMANDS)
    for action in filter(None, COMMANDS.values()):
        resources = NAMED.get(action.split(":")[0], ["*"])
        assert any(may_deploy(action, r) for r in [*resources, "*"]), action


def test_the_deployers_policy_lets_nobody_do_everything():
    for statement in DEPLOYER["Statement"]:
        assert not {"*", "iam:*"} & set(listed(statement["Action"]))
        if "*" in listed(statement["Resource"]):
            assert not [a for a in listed(statement["Action"]) if a.endswith("*")], statement["Sid"]
    (passing,) = [s for s in DEPLOYER["Statement"] if "iam:PassRole" in listed(s["Action"])]
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == {f"{s}.amazonaws.com" for s in ("lambda", "states", "scheduler")}
    assert len(json.dumps(DEPLOYER, separators=(",", ":"))) <= 6144, "the longest managed policy"
