"""The processes of a measurement: the simulated AWS, and a function under the Runtime API."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from runtime_api import Runtime

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target/release/connect-quota-monitor"
SERVE = ROOT / "target/debug/examples/serve"
VENV = ROOT / "target/venv-benches"
MONITOR = [str(BINARY)]
PYTHON = [str(VENV / "bin/python"), "-m", "awslambdaric", "python_function.handler"]


def prepare():
    """Ends where something is not built; installs the Python function's packages, once."""
    for path, how in [
        (BINARY, "cargo build --release --locked"),
        (SERVE, "cargo build --locked -p simaws --example serve"),
    ]:
        if not path.exists():
            sys.exit(f"{path.relative_to(ROOT)} is missing: {how}")
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    install = [VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", ROOT / "benches/requirements.txt"], check=True)


class SimulatedAws:
    """`instances` small ones, or the demo's three where it is none; `throttle` as `serve` takes it."""

    def __init__(self, throttle, instances=None):
        arguments = ["0", "--throttle", throttle]
        if instances:
            arguments += ["--instances", str(instances)]
        self.process = subprocess.Popen(
            [SERVE, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.variables = {}
        while "S3_BUCKET" not in self.variables:
            for pair in self.process.stdout.readline().removeprefix("export ").split():
                name, value = pair.split("=", 1)
                self.variables[name] = value

    def calls(self):
        """`{service: {operation: [calls, throttled]}}`"""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Function:
    """A function's process, from its start on."""

    def __init__(self, command, variables):
        self.runtime = Runtime()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": self.runtime.address,
            "AWS_LAMBDA_FUNCTION_NAME": "monitor",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(ROOT / "benches"),
            "PATH": os.environ["PATH"],
            **variables,
        }
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    def first_poll(self):
        """Milliseconds from exec to the first poll."""
        if not self.runtime.polled.wait(60):
            raise TimeoutError("the function never polled")
        return (self.runtime.polled_at - self.begun) * 1000

    def memory(self):
        """MiB: the peak so far, and of what is resident now the private part and the part that is files."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines())
        return {name: int(values[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "RssFile")}

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.runtime.shutdown()
        self.runtime.server_close()
