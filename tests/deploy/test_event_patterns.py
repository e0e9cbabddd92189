"""The rules' patterns against events of tests/inputs/events: those that must get through, and those that must not.

The events have the shapes of real records (values replaced). moto's EventBridge does the matching.
"""

import copy
import json

import pytest
from conftest import ROOT
from moto.events.models import EventPattern
from template import Deployment

EVENTS = ROOT / "tests" / "inputs" / "events"
INDEX = json.loads((EVENTS / "index.json").read_text())
RESOURCES = Deployment(GenesysEventBusName="aws.partner/genesys.com/cloud/0a-1/main").resources
RULES = {name: EventPattern.load(json.dumps(RESOURCES[name]["Properties"]["EventPattern"])) for name in ("WatchRule", "GenesysRule")}


def matching(event):
    return {name for name, pattern in RULES.items() if pattern.matches_event(event)}


def test_every_event_is_in_the_index():
    assert {path.stem for path in EVENTS.glob("*.json")} - {"index"} == set(INDEX)
    expected = [entry["rule"] for entry in INDEX.values()]
    assert expected.count("WatchRule") >= 15 and expected.count("GenesysRule") >= 4 and expected.count(None) >= 5


@pytest.mark.parametrize("name", sorted(INDEX))
def test_an_event_reaches_its_rule_and_no_other(name):
    rule = INDEX[name]["rule"]
    assert matching(json.loads((EVENTS / f"{name}.json").read_text())) == ({rule} if rule else set())


def test_every_part_of_the_pattern_decides():
    event = json.loads((EVENTS / "connect-throttled-lambda.json").read_text())
    assert matching(event) == {"WatchRule"}
    for path, other in ((("source",), "aws.lambda"), (("detail-type",), "AWS Console Action via CloudTrail"), (("detail", "errorCode"), "ValidationException")):
        changed = copy.deepcopy(event)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = other
        assert matching(changed) == set(), path
    del event["detail"]["errorCode"]
    assert matching(event) == set(), "an accepted call costs nothing"


def test_the_rule_gets_calls_that_only_read():
    """`ENABLED` leaves out List*, Get* and Describe*, which are what pollers call."""
    assert RESOURCES["WatchRule"]["Properties"]["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert "EventBusName" not in RESOURCES["WatchRule"]["Properties"], "CloudTrail's events come to the default bus only"
