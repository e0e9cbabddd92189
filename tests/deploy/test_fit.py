"""What `fit` is tested with, against the schemas that are installed here."""

import json
from pathlib import Path

import cfnlint
import pytest
from conftest import ROOT
from test_lint import clean

FOLDER = ROOT / "tests" / "fit"
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
#: Connect and its companions, as CloudFormation names the services.
SERVICES = {
    "AppIntegrations",
    "Cases",
    "Connect",
    "ConnectCampaigns",
    "ConnectCampaignsV2",
    "CustomerProfiles",
    "QConnect",
    "VoiceID",
    "Wisdom",
}


def listed(name):
    return [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#")]


def test_the_list_of_types_is_that_of_the_schemas():
    types = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    assert listed("cloudformation-types.txt") == sorted(t for t in types if t.split("::")[1] in SERVICES)


@pytest.mark.parametrize("example", ["desk.yaml", "desk.json"])
def test_cfn_lint_accepts_the_templates(tool, example):
    file = str(FOLDER / example)
    clean(tool("cfn-lint"), "--template", file, "--regions", "us-east-1", "--non-zero-exit-code", "informational")
