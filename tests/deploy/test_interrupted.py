"""deploy.sh stopped, denied or out of credentials at each of its calls to AWS, and then run again.

The AWS here is tests/deploy/aws.sh: a folder.
"""

import shutil

import pytest
from account import ALARM, CODE_BUCKET, REGION, STACK, account, zip_file  # noqa: F401

#: What CloudFormation has made of the stack meanwhile.
MAKE = "echo ENABLED >$STATE/rule; touch $STATE/function; printf 'Schedule\\trule-1\\n' >$STATE/resources;"
KINDS = ("stopped", "denied", "expired")
DISPOSABLE = ("--no-keep-data", "--s3")


def deployed(account, *options):
    running = account()
    code, said = running.deploy(*options)
    assert code == 0, said
    running.works()
    (running.state / "alarms").write_text(f"{ALARM}\n")
    if options == DISPOSABLE:
        (running.state / "buckets" / "disposable" / "snapshot").touch()
    return running


def copy(account, source):
    target = account()
    shutil.rmtree(target.state)
    shutil.copytree(source.state, target.state)
    return target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["new", "update"])
def test_a_deployment_that_breaks_off_is_ended_by_the_next(account, kind, first):
    whole = account() if first == "new" else deployed(account)
    start = copy(account, whole)
    code, said = whole.deploy("--threshold", "70")
    assert code == 0, said
    points = len(whole.calls)
    assert points >= 15
    for point in range(1, points + 1):
        broken = copy(account, start)
        code, said = broken.deploy("--threshold", "70", trouble=f"{kind} {point}")
        call = broken.calls[point - 1]
        if kind == "stopped":
            assert code == 130, f"{call}: {said}"
        if code:
            made = {"bucket": any((broken.state / "buckets").iterdir()), "stack": first == "new" and broken.has("status")}
            assert first == "update" or not made["bucket"] or "Run this script again" in said, f"{call}: {said}"
            assert not made["stack"] or f"stack {STACK}" in said, f"{call}: {said}"
        again, said = broken.deploy("--threshold", "70")
        assert again == 0, f"{kind} at {call}: {said}"
        broken.works()
    print(f"deployment of a {first} stack, {kind}: {points} points")


@pytest.mark.parametrize("options", [(), DISPOSABLE], ids=["kept", "disposable"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_deletion_that_breaks_off_is_undone_or_ended(account, kind, options):
    start = deployed(account, *options)
    whole = copy(account, start)
    code, said = whole.delete()
    assert code == 0, said
    assert not [word for word in whole.left() if word not in said], said
    points = len(whole.calls)
    assert points >= 12
    for point in range(1, points + 1):
        broken = copy(account, start)
        code, said = broken.delete(trouble=f"{kind} {point}")
        where = f"{kind} at {broken.calls[point - 1]}: {said}"
        if kind == "stopped":
            assert code == 130, where
        status = broken.read("status")
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            # The deletion was not accepted: the monitor goes on, or it is said that it does not.
            assert code != 0, where
            assert broken.read("rule") == "ENABLED" or "may be OFF" in said, where
            assert options != DISPOSABLE or broken.has("buckets/disposable/snapshot"), f"history is lost: {where}"
        elif not status:
            assert code or not [word for word in broken.left() if word not in said], where
        broken.settle()
        # Deploying again gives a working monitor ...
        revived = copy(account, broken)
        again, told = revived.deploy()
        assert again == 0, f"{where}\nThen: {told}"
        revived.works()
        # ... and deleting again leaves nothing that neither of the two has named.
        again, told = broken.delete()
        assert again == 0, f"{where}\nThen: {told}"
        assert not [word for word in broken.left() if word not in said + told], f"{where}\nThen: {told}"
        assert not broken.has("status") and not broken.has("alarms") and not broken.has("rule")
    print(f"deletion, {kind}, {options or 'kept'}: {points} points")


@pytest.mark.parametrize("state", ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"])
def test_stopped_while_cloudformation_works(account, state):
    """Between making and carrying out the change set, and while it is carried out."""
    running = account()
    inside = f"echo {state} >$STATE/status; [ {state} = REVIEW_IN_PROGRESS ] || {{ {MAKE} }}; trap '' INT; kill -INT 0; exit 130"
    running.answers("cloudformation deploy", f"if [ ! -e $STATE/once ]; then touch $STATE/once; {inside}; fi")
    code, said = running.deploy()
    assert code == 130 and f"CloudFormation goes on by itself with what it has begun of stack {STACK}" in said
    if state == "CREATE_IN_PROGRESS":
        code, said = running.deploy()
        assert code != 0 and "is busy (CREATE_IN_PROGRESS): try again when that is over" in said
        running.settle()
    code, said = running.deploy()
    assert code == 0, said
    running.works()


def test_a_protected_stack_is_left_alone(account):
    running = deployed(account, *DISPOSABLE)
    (running.state / "protected").write_text("true")
    code, said = running.delete()
    assert code != 0 and "is protected from deletion, so nothing was changed" in said
    assert "--no-enable-termination-protection" in said
    assert running.read("rule") == "ENABLED" and running.has("alarms") and running.has("buckets/disposable/snapshot")
    assert not {"events disable-rule", "cloudformation delete-stack", "s3 rm"} & set(running.calls)


def test_a_schedule_that_is_off_is_switched_on(account):
    """CloudFormation sees no change of the template, and so would leave it off."""
    running = deployed(account)
    (running.state / "rule").write_text("DISABLED\n")
    code, said = running.deploy()
    assert code == 0 and "the schedule rule-1 was DISABLED, and is switched on now" in said
    running.works()


@pytest.mark.parametrize("options", [(), DISPOSABLE], ids=["kept", "disposable"])
def test_a_bucket_is_emptied_only_when_the_deletion_is_under_way(account, options):
    running = deployed(account, *options)
    code, said = running.delete()
    assert code == 0, said
    assert ("Emptying bucket disposable" in said) == bool(options)
    if options:
        calls = running.calls
        assert calls.index("cloudformation delete-stack") < calls.index("s3 rm")
        assert calls.count("cloudformation delete-stack") == 2
    else:
        assert "Kept: table table-1" in said and "Kept: key key-1" in said


REFUSED = {
    "UPDATE_IN_PROGRESS": "is busy (UPDATE_IN_PROGRESS)",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "is busy",
    "DELETE_IN_PROGRESS": "is busy",
    "IMPORT_IN_PROGRESS": "is busy",
    "UPDATE_ROLLBACK_FAILED": "continue-update-rollback",
    "IMPORT_ROLLBACK_FAILED": "finish or undo that import",
    "SOMETHING_NEW": "does not know",
}


@pytest.mark.parametrize("status", REFUSED)
def test_states_that_must_be_waited_for_are_named(account, status):
    running = deployed(account)
    (running.state / "status").write_text(status)
    code, said = running.deploy()
    assert code != 0 and REFUSED[status] in said
    assert "cloudformation deploy" not in running.calls


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_states_that_only_deleting_ends(account, status):
    """Its bucket may hold objects, and what it keeps is named."""
    for options in ((), DISPOSABLE):
        running = deployed(account, *options)
        (running.state / "status").write_text(status)
        code, said = running.deploy()
        assert code == 0, said
        assert "cloudformation delete-stack" in running.calls
        assert options or "Kept: table table-1" in said
        running.works()


def test_a_stack_that_is_only_under_review_is_none(account):
    """A first deployment ended between making and carrying out its change set: no parameters yet."""
    running = account()
    (running.state / "status").write_text("REVIEW_IN_PROGRESS")
    code, said = running.deploy()
    assert code == 0, said
    assert "None" not in said and "lambda get-account-settings" in running.calls
    running.works()
    (running.state / "status").write_text("REVIEW_IN_PROGRESS")
    (running.state / "resources").unlink()
    code, said = running.delete()
    assert code == 0, said


def noisy(account, *options):
    """Warnings on the error stream, as urllib3 and proxies make them."""
    running = deployed(account, *options)
    aws = running.state.parent / "bin" / "aws"
    aws.write_text(aws.read_text().replace("set -euo pipefail", "set -euo pipefail\necho 'NotOpenSSLWarning: old' >&2", 1))
    return running


def test_warnings_are_no_answer(account):
    running = noisy(account)
    (running.state / "status").write_text("ROLLBACK_COMPLETE\n")
    code, said = running.deploy()
    assert code == 0, said
    assert running.calls.count("cloudformation delete-stack") == 1
    running = noisy(account)
    (running.state / "status").write_text("UPDATE_ROLLBACK_FAILED\n")
    code, said = running.deploy()
    assert code != 0 and "continue-update-rollback" in said


def test_a_half_made_bucket_is_finished_or_named(account):
    whole = account()
    assert whole.deploy()[0] == 0
    tagging = whole.calls.index("s3api put-bucket-tagging") + 1
    running = account()
    code, said = running.deploy(trouble=f"denied {tagging}")
    assert code != 0 and running.calls[tagging - 1] == "s3api put-bucket-tagging", running.calls
    bucket = running.state / "buckets" / CODE_BUCKET
    assert bucket.is_dir() and CODE_BUCKET in said
    # Nothing tells whose it is: it stays, and its name and the command are told.
    code, said = running.delete()
    assert code == 0 and f"Kept: bucket {CODE_BUCKET}, because no tag says" in said and f"--force s3://{CODE_BUCKET}" in said
    code, said = running.deploy()
    assert code == 0, said
    running.works()


BUSY = """  touch "$STATE/busy"
  if [ "$(wc -l <"$STATE/busy")" -lt %d ]; then
    echo >>"$STATE/busy"
    echo 'An error occurred (TooManyRequestsException) when calling the Invoke operation: Rate Exceeded' >&2
    exit 254
  fi"""


def test_a_run_that_is_under_way_is_waited_for(account):
    running = deployed(account)
    running.answers("lambda invoke", BUSY % 5)
    code, said = running.deploy()
    assert code == 0 and said.count("A run is under way: waiting until it ends") == 1, said
    (running.state / "busy").unlink()
    code, said = running.delete()
    assert code == 0 and "Removed 1 alarms" in said and not running.has("alarms"), said


def test_alarms_of_a_function_that_never_answers_are_removed_without_it(account):
    running = deployed(account)
    running.answers("lambda invoke", BUSY % 100_000)
    code, said = running.delete()
    assert code == 0 and f"Removed alarm {STACK}/{REGION}/api/ListUsers" in said, said
    assert not running.has("alarms")
    # Others' alarms below the same name stay, and are named.
    running = deployed(account)
    running.answers("lambda invoke", BUSY % 100_000)
    running.answers("cloudwatch list-tags-for-resource", "echo None; exit")
    code, said = running.delete()
    assert code == 0 and running.has("alarms") and f"Kept: alarms whose names begin with {STACK}/{REGION}/" in said
