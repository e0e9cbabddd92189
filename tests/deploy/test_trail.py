"""deploy.sh and CloudTrail: the watches see what a trail hands to EventBridge, and the script says whether one does."""

import re

import jmespath
import pytest
from account import account, zip_file  # noqa: F401
from conftest import ROOT

TRAIL = "arn:aws:cloudtrail:us-east-1:123456789012:trail/all"
NONE = "no trail logs management events in us-east-1"
READS = "no trail in us-east-1 logs management events that only read"
WRITES = "no trail in us-east-1 logs management events that write"
BOTH = "A trail logs reads and writes in us-east-1"


@pytest.mark.parametrize(
    ("trails", "logging", "kinds", "said_of_it"),
    [
        (TRAIL, "True", "All", BOTH),
        (TRAIL, "True", "both", BOTH),
        (TRAIL, "True", r"WriteOnly\ttrue", BOTH),
        (TRAIL, "True", "WriteOnly", READS),
        (TRAIL, "True", "false", READS),
        (TRAIL, "True", "ReadOnly", WRITES),
        (TRAIL, "True", "", NONE),
        (TRAIL, "False", "All", NONE),
        ("None", "True", "All", NONE),
        ("", "True", "All", NONE),
    ],
)
def test_what_a_trail_logs_is_said(account, trails, logging, kinds, said_of_it):
    new = account()
    new.answers("cloudtrail describe-trails", f"printf '{trails}\\n'; exit")
    new.answers("cloudtrail get-trail-status", f"echo {logging}; exit")
    new.answers("cloudtrail get-event-selectors", f"printf '{kinds}\\n'; exit")
    code, said = new.deploy()
    assert code == 0 and said_of_it in said, said
    assert not [call for call in new.calls if call.startswith("cloudtrail create")], "it makes no trail"


def test_a_trail_that_cannot_be_seen_stops_nothing(account):
    for call, words in (("describe-trails", "whether a trail logs calls in us-east-1 cannot be seen"), ("get-event-selectors", f"what the trail {TRAIL} logs cannot be seen")):
        new = account()
        new.answers(f"cloudtrail {call}", "echo 'An error occurred (AccessDenied)' >&2; exit 254")
        code, said = new.deploy()
        assert code == 0 and words in said and "AccessDenied" in said, said


@pytest.mark.parametrize("option", [("--parameter", "WatchThrottling=false"), ("--no-dynamodb",)])
def test_without_the_watch_no_trail_is_looked_for(account, option):
    new = account()
    code, said = new.deploy(*option)
    assert code == 0 and "trail" not in said
    assert not [call for call in new.calls if call.startswith("cloudtrail")]


def test_the_query_reads_both_kinds_of_selectors():
    query = re.search(r'MANAGEMENT_EVENTS="(.*)"', (ROOT / "deploy.sh").read_text()).group(1)
    management = {"Field": "eventCategory", "Equals": ["Management"]}
    data = {"Field": "eventCategory", "Equals": ["Data"]}
    for selectors, kinds in (
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, ["All"]),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, []),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [management]}, {"FieldSelectors": [data]}]}, ["both"]),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [management, {"Field": "readOnly", "Equals": ["false"]}]}]}, ["false"]),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [data, {"Field": "readOnly", "Equals": ["true"]}]}]}, []),
    ):
        found = jmespath.search(query, {"EventSelectors": None, "AdvancedEventSelectors": None} | selectors)
        assert [kind for kind in found if kind is not None] == kinds, selectors
