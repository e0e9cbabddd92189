"""What the alarms on the monitor say in scripted days, by CloudWatch's own rules of evaluation.

Each minute CloudWatch looks at the last periods, which end with that minute. It takes the most recent
datapoints of a range that is a few periods longer than EvaluationPeriods, and fills up what is missing of
EvaluationPeriods as TreatMissingData says ("Configuring how CloudWatch alarms treat missing data"). A message
goes out when the state changes, to the actions of the new state.
"""

import re

import pytest
from template import TEMPLATE, Deployment

INTERVALS = [int(m) for m in TEMPLATE["Parameters"]["LookbackMinutes"]["AllowedValues"]]
#: By how many periods the range is longer. AWS says that it depends; its examples have two.
LONGER = (0, 2, 5)


class Watched:
    """An alarm of the template over one metric's samples: {minute: value}."""

    def __init__(self, name, **parameters):
        alarm = Deployment(**parameters).resources[name]["Properties"]
        self.actions = {
            "ALARM": bool(alarm.get("AlarmActions")),
            "OK": bool(alarm.get("OKActions")),
            "INSUFFICIENT_DATA": bool(alarm.get("InsufficientDataActions")),
        }
        self.above = {"GreaterThanThreshold": True, "LessThanThreshold": False}[alarm["ComparisonOperator"]]
        self.threshold, self.missing = alarm["Threshold"], alarm["TreatMissingData"]
        self.periods = alarm["EvaluationPeriods"]
        self.datapoints = alarm.get("DatapointsToAlarm", self.periods)
        self.divisor, statistic = 1, alarm.get("Statistic", "Sum")
        period = alarm.get("Period")
        for metric in alarm.get("Metrics", []):
            if "MetricStat" in metric:
                period, statistic = metric["MetricStat"]["Period"], metric["MetricStat"]["Stat"]
            elif share := re.fullmatch(r"duration / \((\d+) \* 10\)", metric["Expression"]):
                self.divisor = int(share[1]) * 10
            else:
                period = metric["Period"]
        assert period % 60 == 0
        self.period, self.combine = period // 60, {"Sum": sum, "Maximum": max}[statistic]

    def state(self, old, samples, minute, longer):
        points = []
        for back in range(self.periods + longer):
            end = minute - back * self.period
            values = [samples[m] for m in range(end - self.period, end) if m in samples]
            if values:
                points.append(self.combine(values) / self.divisor)
                if len(points) == self.periods:
                    break
        if not points and self.missing == "missing":
            return "INSUFFICIENT_DATA"
        breaching = sum(value > self.threshold if self.above else value < self.threshold for value in points)
        if self.missing == "breaching":
            breaching += self.periods - len(points)
        return "ALARM" if breaching >= self.datapoints else "OK"

    def messages(self, samples, minutes, longer=2):
        """(minute, state) of each message, without the one that a new alarm is OK."""
        state, told = "INSUFFICIENT_DATA", []
        # Between two changes of what the periods hold, nothing can change: only these minutes are looked at.
        edges = {0}
        for minute in samples:
            edges |= {minute + 1 + k * self.period for k in range(self.periods + longer + 1)}
        for minute in sorted(edge for edge in edges if edge < minutes):
            new = self.state(state, samples, minute, longer)
            if new != state and self.actions[new] and (state, new) != ("INSUFFICIENT_DATA", "OK"):
                told.append((minute, new))
            elif new != state and (state, new) == ("INSUFFICIENT_DATA", "OK") and any(s for _, s in told):
                told.append((minute, new))
            state = new
        return told


def runs(interval, first, last, jitter=True):
    """The minutes at which runs begin: a schedule's are up to a minute late."""
    return [first + i * interval + (i % 2 if jitter else 0) for i in range((last - first) // interval)]


def span(interval):
    return max(1440, 12 * interval)


def with_retry(starts):
    """Lambda tries a failed run once more, a minute later."""
    return {minute: 1 for start in starts for minute in (start, start + 1)}


def parameters(interval):
    unit = f"rate({interval} minutes)"
    return {"LookbackMinutes": interval, "ScheduleExpression": unit}


@pytest.fixture(params=INTERVALS, ids=lambda m: f"{m}min")
def interval(request):
    return request.param


def states(messages):
    return [state for _, state in messages]


@pytest.mark.parametrize("longer", LONGER)
def test_a_lasting_error_is_one_message_and_one_recovery(interval, longer):
    day = span(interval)
    starts = runs(interval, 7, day)
    third = len(starts) // 3
    failing = with_retry(starts[third : 2 * third])
    samples = dict.fromkeys(starts, 0) | failing
    told = Watched("ErrorAlarm", **parameters(interval)).messages(samples, day, longer)
    assert states(told) == ["ALARM", "OK"]
    # At once, and over two intervals after the last failure.
    assert told[0][0] == starts[third] + 1
    assert told[1][0] <= max(failing) + 2 * interval + 5 * 60 + 1


def test_one_failed_run_is_one_message_and_one_recovery(interval):
    day = span(interval)
    starts = runs(interval, 7, day)
    samples = dict.fromkeys(starts, 0) | {starts[3]: 1, starts[3] + 1: 0}
    assert states(Watched("ErrorAlarm", **parameters(interval)).messages(samples, day)) == ["ALARM", "OK"]
    # Without any zeros too: what is missing is not breaching.
    assert states(Watched("ErrorAlarm", **parameters(interval)).messages({starts[3]: 1}, day)) == ["ALARM", "OK"]


def test_a_whole_day_of_error():
    """The number that was 48 mails: two an hour."""
    samples = with_retry(runs(60, 7, 1440))
    told = Watched("ErrorAlarm").messages(samples, 3 * 1440)
    assert states(told) == ["ALARM", "OK"]


@pytest.mark.parametrize("longer", LONGER)
def test_throttles_that_last_are_one_message(interval, longer):
    day = span(interval)
    starts = runs(interval, 7, day)
    third = len(starts) // 3
    samples = dict.fromkeys(starts, 0) | dict.fromkeys(starts[third : 2 * third], 3)
    assert states(Watched("ThrottleAlarm", **parameters(interval)).messages(samples, day, longer)) == ["ALARM", "OK"]


@pytest.mark.parametrize("longer", LONGER)
def test_given_up_runs_end_by_themselves_and_are_told_again(interval, longer):
    """Nobody empties the queue. A second failure, after the first is over, is told."""
    day = 2 * span(interval)
    starts = runs(interval, 7, day)
    fifth = len(starts) // 5
    given_up = {s + 2: 1 for s in starts[fifth : 2 * fifth] + starts[3 * fifth : 3 * fifth + 1]}
    told = Watched("FailureQueueAlarm", **parameters(interval)).messages(given_up, day, longer)
    assert states(told) == ["ALARM", "OK", "ALARM", "OK"]


def seconds(instances):
    """The README's arithmetic at account pacing; measuring ends 30 seconds before the timeout."""
    calls = 27 * instances + -(-instances // 10) + 1 + 60
    return min((calls - 5) / 2, 870)


@pytest.mark.parametrize("instances", [1, 58, 62, 63, 200])
def test_what_the_docs_call_fine_is_no_long_run(interval, instances):
    day = span(interval)
    # And two seconds for storing and sending.
    samples = dict.fromkeys(runs(interval, 7, day), (seconds(instances) + 2) * 1000)
    for longer in LONGER:
        assert not Watched("DurationAlarm", **parameters(interval)).messages(samples, day, longer)


@pytest.mark.parametrize("timeout", [60, 900])
def test_runs_without_time_to_end_are_one_message(interval, timeout):
    day = span(interval)
    starts = runs(interval, 7, day, jitter=False)
    third = len(starts) // 3
    slow = dict.fromkeys(starts[third : 2 * third], timeout * 1000)
    samples = dict.fromkeys(starts, timeout * 900) | slow
    for longer in LONGER:
        watched = Watched("DurationAlarm", LambdaTimeout=timeout, **parameters(interval))
        assert states(watched.messages(samples, day, longer)) == ["ALARM", "OK"]
        # One of three is none.
        assert not watched.messages(samples | dict.fromkeys(slow, timeout * 900) | {starts[third]: timeout * 1000}, day, longer)


@pytest.mark.parametrize("longer", LONGER)
def test_a_monitor_that_stops_is_told_once_and_a_new_one_waits_for_its_first_run(interval, longer):
    day = 3 * span(interval)
    # The first run comes an interval after the stack, or later.
    early, late = runs(interval, 2 * interval, day // 3), runs(interval, 2 * day // 3, day)
    watched = Watched("MissedRunAlarm", **parameters(interval))
    told = watched.messages(dict.fromkeys(early + late, 1), day, longer)
    assert states(told) == ["INSUFFICIENT_DATA", "OK"]
    silent = told[0][0] - early[-1]
    assert 3 * interval <= silent <= 3 * interval + (longer + 1) * watched.period + 1
    assert told[1][0] == late[0] + 1
    # Jitter and one lost run are nothing.
    one_lost = [m for i, m in enumerate(early) if i != 2]
    assert not watched.messages(dict.fromkeys(one_lost, 1), early[-1], longer)
    # No run at all: silent. deploy.sh's test alert is a run.
    assert not watched.messages({}, day, longer)


@pytest.mark.parametrize("name", ["RejectedCallsAlarm", "ThrottledCallsAlarm"])
@pytest.mark.parametrize("every", [1, 5, 14])
def test_a_rush_hour_is_one_message(name, every):
    """Callers that are turned away in some minutes of two hours; the other minutes have no data, or zeros."""
    rush = dict.fromkeys(range(600, 720, every), 4)
    for samples in (rush, dict.fromkeys(range(1440), 0) | rush):
        for longer in LONGER:
            told = Watched(name, EnableApiAlarms="true").messages(samples, 1440, longer)
            assert states(told) == ["ALARM", "OK"]
            assert told[0][0] == 601, "within a minute"


def test_a_quiet_day_says_nothing(interval):
    day = span(interval)
    starts = runs(interval, interval, day)
    for name, value in (("ErrorAlarm", 0), ("ThrottleAlarm", 0), ("DurationAlarm", 42_000), ("MissedRunAlarm", 1)):
        assert not Watched(name, **parameters(interval)).messages(dict.fromkeys(starts, value), day)
    assert not Watched("FailureQueueAlarm", **parameters(interval)).messages(dict.fromkeys(range(0, day, 5), 0), day)
