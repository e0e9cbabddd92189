#!/usr/bin/env python3
"""Measures the release binary, and beside it a Python function for the same job.

    cargo build --release --locked && cargo build --locked -p simaws --example serve
    python3 benches/measure.py [--long] [--json FILE]

Needs Linux, Python 3 with venv, and once the network, for the Python function's packages. Both functions run
under a small Lambda Runtime API against the simulated AWS. About 6 minutes; with --long, which adds 20
instances at account pacing and 1,000 at per-operation pacing, about 22. docs/PERFORMANCE.md has the method.
"""

import argparse
import io
import json
import os
import statistics
import time
import zipfile
from pathlib import Path

from processes import BINARY, MONITOR, PYTHON, ROOT, VENV, Function, SimulatedAws, prepare

STARTS = 20
# Calls per second and burst, as AWS documents them and the pacer takes them.
CONNECT, QUOTAS_LIST, QUOTAS_GET = (2, 5), (10, 10), (5, 5)
COMPANIONS = ("app-integrations", "cases", "connect-campaigns", "profile", "wisdom")


def starts(command):
    """Milliseconds from exec to the first poll, per start."""
    taken = []
    for _ in range(STARTS + 1):
        with Function(command, {"AWS_ACCESS_KEY_ID": "simulated", "AWS_SECRET_ACCESS_KEY": "simulated"}) as function:
            taken.append(function.first_poll())
            idle = function.memory()
    taken = taken[1:]  # the first one warms the page cache
    return {"median_ms": statistics.median(taken), "min_ms": min(taken), "max_ms": max(taken), "memory_mib": idle}


def bound(calls, pacing):
    """Seconds that the documented rates ask of these calls at least: the slowest bucket's."""
    buckets = {}
    for service, operations in calls.items():
        for operation, (count, _) in operations.items():
            if service == "connect":
                name, rate = ("connect" if pacing == "account" else f"connect {operation}"), CONNECT
            elif service in COMPANIONS:
                name, rate = f"{service} {operation}", CONNECT
            elif service == "servicequotas":
                is_list = operation.startswith("List") and "ChangeHistory" not in operation
                name, rate = f"{service} {operation}", QUOTAS_LIST if is_list else QUOTAS_GET
            else:
                continue
            buckets[name] = (buckets.get(name, (0,))[0] + count, rate)
    return max(((count - burst) / rate for count, (rate, burst) in buckets.values()), default=0)


def run(command, pacing, instances=None):
    """One whole run of a function; `instances` as `SimulatedAws` takes it."""
    throttle = {"account": "shared"}.get(pacing, pacing)
    with SimulatedAws(throttle, instances) as aws:
        with Function(command, {**aws.variables, "CONNECT_PACING": pacing}) as function:
            function.first_poll()
            begun = time.perf_counter()
            answer = function.runtime.invoke(900)
            took = time.perf_counter() - begun
            memory, cpu = function.memory(), function.cpu_seconds()
        calls = aws.calls()
    connect = calls["connect"].values()
    return {
        "instances": len(answer["instances"]) if isinstance(answer["instances"], list) else answer["instances"],
        "complete": answer.get("complete"),
        "connect_calls": sum(count for count, _ in connect),
        "all_calls": sum(count for operations in calls.values() for count, _ in operations.values()),
        "throttled": sum(throttled for operations in calls.values() for _, throttled in operations.values()),
        "took_s": took,
        "bound_s": bound(calls, pacing),
        "cpu_s": cpu,
        "memory_mib": memory,
    }


def zipped(files):
    """Bytes of a zip of `{name: path}`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name, path in files.items():
            package.write(path, name)
    return len(packed.getvalue())


def binary_size():
    # The release profile has stripped it.
    zip_mb = zipped({"bootstrap": BINARY}) / 1e6
    # As tests/deploy/test_package.py has it for a release.
    assert zip_mb < 5, f"{zip_mb:.2f} MB: a small package starts quickly"
    return {"file_mb": os.path.getsize(BINARY) / 1e6, "zip_mb": zip_mb}


def python_size():
    packages = next(VENV.glob("lib/python3*/site-packages"))
    tools = ("pip", "setuptools", "pkg_resources", "_distutils", "distutils-precedence", "wheel")
    files = {
        str(path.relative_to(packages)): path
        for path in packages.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.relative_to(packages).parts[0].startswith(tools)
    }
    own = {"python_function.py": ROOT / "benches/python_function.py"}
    return {"function_mb": zipped(own) / 1e6, "with_packages_mb": zipped({**files, **own}) / 1e6}


def line(what, *cells):
    print("| " + " | ".join([what, *map(str, cells)]) + " |", flush=True)


def show_run(what, found):
    allowed = found["bound_s"] * 1.03 + 2
    line(
        what,
        found["connect_calls"],
        found["all_calls"],
        found["throttled"],
        f"{found['took_s']:.1f}",
        f"{found['bound_s']:.1f}",
        "yes" if found["took_s"] <= allowed else f"no ({allowed:.1f})",
        f"{found['cpu_s']:.2f}",
        f"{found['memory_mib']['VmHWM']:.1f}",
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true", help="also the runs that take many minutes")
    parser.add_argument("--json", type=Path, help="write every number to this file")
    arguments = parser.parse_args()
    prepare()
    found = {"monitor_size": binary_size(), "python_size": python_size()}

    line("start to first poll, ms", "median", "min", "max", "resident then, MiB")
    line("---", "---:", "---:", "---:", "---:")
    for name, command in [("monitor", MONITOR), ("python", PYTHON)]:
        start = found[f"{name}_start"] = starts(command)
        cells = [f"{start[key]:.1f}" for key in ("median_ms", "min_ms", "max_ms")]
        line(name, *cells, f"{start['memory_mib']['VmHWM']:.1f}")
    ratio = found["python_start"]["median_ms"] / found["monitor_start"]["median_ms"]
    print(f"\nThe Python function takes {ratio:.0f} times as long to start.\n")

    line("zip, MB", "")
    line("---", "---:")
    line("monitor", f"{found['monitor_size']['zip_mb']:.2f}")
    line("python, the function alone", f"{found['python_size']['function_mb']:.3f}")
    line("python, with boto3 and awslambdaric", f"{found['python_size']['with_packages_mb']:.2f}")
    print()

    line("run", "Connect calls", "all calls", "throttled", "seconds", "bound", "within 3 % + 2 s", "CPU s", "peak MiB")
    line("---", *["---:"] * 8)
    runs = [("account", None), ("per-operation", None), ("per-operation", 20), ("per-operation", 100)]
    if arguments.long:
        runs += [("account", 20), ("per-operation", 1000)]
    for pacing, instances in runs:
        what = f"monitor, {instances or 3} instances, {pacing}"
        found[what] = run(MONITOR, pacing, instances)
        show_run(what, found[what])
    found["python"] = run(PYTHON, "account")
    show_run("python, 3 instances, a call each 0.5 s", found["python"])
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
