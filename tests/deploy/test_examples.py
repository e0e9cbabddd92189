"""The stack by other tools: what the examples name is in the template, and the template is what those tools can read."""

import re

from conftest import ROOT
from template import TEMPLATE

EXAMPLES = ROOT / "docs" / "examples" / "stack"


def test_terraform_names_parameters_and_outputs_of_the_template():
    text = (EXAMPLES / "main.tf").read_text()
    block = re.search(r"parameters = \{(.*?)\}", text, re.S).group(1)
    named = set(re.findall(r"^\s*(\w+)\s*=", block, re.M))
    assert named and named <= set(TEMPLATE["Parameters"])
    outputs = set(re.findall(r'outputs\["(\w+)"\]', text))
    assert outputs and outputs <= set(TEMPLATE["Outputs"])
    # Without them CloudFormation refuses: no default, an IAM role, and more than 51,200 bytes of template.
    needed = {name for name, p in TEMPLATE["Parameters"].items() if "Default" not in p}
    assert needed <= named
    assert "CAPABILITY_IAM" in text and "template_url" in text
    assert (ROOT / "template.yaml").stat().st_size > 51_200


def test_cdk_names_parameters_of_the_template():
    block = re.search(r"parameters: \{(.*?)\}", (EXAMPLES / "app.js").read_text(), re.S).group(1)
    named = set(re.findall(r"^\s*(\w+):", block, re.M))
    assert named and named <= set(TEMPLATE["Parameters"])


def test_rules_are_written_as_every_reader_knows_them():
    """CDK knows no short form of the functions of rules: it makes plain lists of them, and says so in a warning only."""
    text = (ROOT / "template.yaml").read_text()
    assert not re.findall(r"!(?:Contains|EachMemberEquals|EachMemberIn|RefAll|ValueOf|ValueOfAll)\b", text)
    assert "Fn::Contains" in text
