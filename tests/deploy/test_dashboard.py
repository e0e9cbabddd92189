"""The dashboard's body against CloudWatch's rules ("Dashboard body structure and syntax"), which nothing
checks before CloudWatch itself does: to CloudFormation it is a string."""

import json
import re

import pytest
from template import Deployment

WIDGETS = {"metric", "alarm", "text", "log", "explorer", "custom"}
#: Of a widget of each kind: what it must have, and what it may have.
REQUIRED = {"metric": {"metrics", "region"}, "alarm": {"alarms"}, "text": {"markdown"}}
ALLOWED = {
    "metric": REQUIRED["metric"]
    | {"accountId", "annotations", "end", "legend", "liveData", "period", "setPeriodToTimeRange", "sparkline", "stacked"}
    | {"start", "stat", "table", "timezone", "title", "trend", "view", "yAxis"},
    "alarm": {"alarms", "sortBy", "states", "title"},
    "text": {"background", "markdown"},
}
RENDERING = {"accountId", "color", "expression", "id", "label", "period", "region", "stat", "visible", "yAxis"}
STATISTICS = {"Average", "Maximum", "Minimum", "SampleCount", "Sum"}
MOST_WIDGETS, MOST_METRICS, LONGEST_EXPRESSION = 500, 500, 1024


def body(**parameters):
    return json.loads(Deployment(**parameters).resources["Dashboard"]["Properties"]["DashboardBody"])


@pytest.fixture(params=[{}, {"ThresholdPercentage": 65, "LambdaTimeout": 120}], ids=["default", "changed"])
def widgets(request):
    rendered = body(**request.param)
    assert set(rendered) == {"widgets"}
    return rendered["widgets"]


def metric_rows(widget):
    """The rows with their repetitions filled in: (namespace, name, dimensions, options), or only options."""
    before = []
    for row in widget["properties"]["metrics"]:
        options = row[-1] if isinstance(row[-1], dict) else {}
        words = [word for word in row if not isinstance(word, dict)]
        assert len(row) - len(words) <= 1, "rendering options stand last, and once"
        words = [before[i] if word == "." else word for i, word in enumerate(words)]
        before = words or before
        yield words, options


def test_the_grid(widgets):
    assert 1 <= len(widgets) <= MOST_WIDGETS
    taken = set()
    for widget in widgets:
        assert set(widget) == {"type", "x", "y", "width", "height", "properties"} and widget["type"] in WIDGETS
        assert all(isinstance(widget[n], int) for n in ("x", "y", "width", "height"))
        assert 0 <= widget["x"] <= 23 and widget["y"] >= 0 and 1 <= widget["height"] <= 1000
        assert 1 <= widget["width"] and widget["x"] + widget["width"] <= 24, "the grid is 24 wide"
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, "widgets cover each other"
        taken |= cells
    height = max(y for _, y in taken) + 1
    assert len(taken) == 24 * height, "a hole in the grid"


def test_properties(widgets):
    for widget in widgets:
        names = set(widget["properties"])
        assert REQUIRED[widget["type"]] <= names <= ALLOWED[widget["type"]], widget
        assert widget["properties"]["title"]


def test_metric_widgets(widgets):
    count = 0
    for widget in (w for w in widgets if w["type"] == "metric"):
        properties = widget["properties"]
        assert properties["region"] == "us-gov-west-1" and properties.get("stat", "Sum") in STATISTICS
        rows = list(metric_rows(widget))
        assert 1 <= len(rows) <= MOST_METRICS
        count += len(rows)
        ids = [options["id"] for _, options in rows if "id" in options]
        assert len(ids) == len(set(ids)), "ids are unique in a widget"
        assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", i) for i in ids)
        assert any(options.get("visible", True) for _, options in rows)
        for words, options in rows:
            assert set(options) <= RENDERING
            assert options.get("stat", "Sum") in STATISTICS
            period = options.get("period", properties.get("period", 300))
            assert period in (1, 5, 10, 30) or period % 60 == 0
            if "expression" in options:
                assert not words, "an expression stands alone in its row"
                check_expression(options["expression"], ids)
            else:
                assert len(words) >= 2 and len(words) % 2 == 0, "namespace, name, then pairs of dimensions"
                assert all(words) and words[0].startswith("AWS/")
        for line in properties.get("annotations", {}).get("horizontal", []):
            assert isinstance(line["value"], int)
    assert count <= 2500


def check_expression(expression, ids):
    assert len(expression) <= LONGEST_EXPRESSION
    search = re.search(r"SEARCH\('(.*)','(\w+)',(\d+)\)", expression)
    if search:
        terms, statistic, period = search.groups()
        assert statistic in STATISTICS and int(period) % 60 == 0
        schema = re.match(r"\{([^}]+)\} ", terms)[1].split(",")
        dimensions = {"AWS/Connect": ["InstanceId", "MetricGroup"], "AWS/Usage": ["Class", "Resource", "Service", "Type"]}
        # Another set of dimensions is another metric: the search would find nothing.
        assert schema[1:] == dimensions[schema[0]]
        assert terms.count('"') % 2 == 0 and terms.count("(") == terms.count(")") and 'MetricName=' in terms
        expression = expression.replace(search[0], "1")
    assert "SEARCH" not in expression
    for name in re.findall(r"\b[a-z]\w*", expression):
        assert name in ids, f"{name} is no id of the widget"
    assert expression.count("(") == expression.count(")")


def test_what_it_shows(widgets):
    text = json.dumps(widgets)
    for part in (
        "ConcurrentCalls",
        "ConcurrentCallsPercentage",
        "CallsBreachingConcurrencyQuota",
        "ThrottledCalls",
        "CallCount",
        "SERVICE_QUOTA(m1)",
        "Invocations",
        "Errors",
        "Duration",
        "<FailureQueue.QueueName>",
    ):
        assert part in text, part
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text), "no instance id"
    (alarms,) = [w["properties"]["alarms"] for w in widgets if w["type"] == "alarm"]
    assert alarms and len(alarms) <= 100 and all(a.endswith("Alarm.Arn>") for a in alarms)


def test_the_lines_are_the_parameters():
    changed = json.dumps(body(ThresholdPercentage=65, LambdaTimeout=120))
    assert '{"value": 65}' in changed and '"value": 120' in changed


def test_the_percentages_are_asked_right():
    for widget in body()["widgets"]:
        if widget["type"] != "metric":
            continue
        rows = list(metric_rows(widget))
        sources = {options["id"]: words for words, options in rows if words and "id" in options}
        for _, options in rows:
            if match := re.fullmatch(r"(m\d)/SERVICE_QUOTA\((m\d)\)\*100", options.get("expression", "")):
                assert match[1] == match[2]
                # namespace, CallCount, and the very dimensions that Service Quotas names for a rate.
                words = sources[match[1]]
                named = dict(zip(words[2::2], words[3::2], strict=True))
                assert named == {"Type": "API", "Resource": options["label"], "Service": "Connect", "Class": "None"}
                assert (widget["properties"]["stat"], widget["properties"]["period"]) == ("Sum", 60)


def test_the_dashboard_can_be_left_out():
    assert "Dashboard" not in Deployment(EnableDashboard="false").resources
