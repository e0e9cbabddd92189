#!/usr/bin/env python3
"""Measures the release binary: start to first poll, peak resident memory, zip size.

    cargo build --release && cargo build -p simaws --example serve && python3 benches/measure.py

Needs Python 3 alone. The function runs under a small Lambda Runtime API against the simulated AWS.
"""

import http.server
import io
import json
import os
import statistics
import subprocess
import threading
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target/release/connect-quota-monitor"
SERVE = ROOT / "target/debug/examples/serve"
STARTS = 20


class Runtime(http.server.ThreadingHTTPServer):
    """One event at a time; every poll's arrival is noted."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.polled = threading.Event()
        self.polled_at = 0.0
        self.event = threading.Event()
        self.answer = None
        self.answered = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def invoke(self):
        self.answered.clear()
        self.event.set()
        self.answered.wait(300)
        return self.answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        now, runtime = time.perf_counter(), self.server
        if not runtime.polled.is_set():
            runtime.polled_at = now
            runtime.polled.set()
        runtime.event.wait()
        runtime.event.clear()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "11111111-1111-1111-1111-111111111111")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 900) * 1000)))
        arn = "arn:aws:lambda:us-east-1:111122223333:function:monitor"
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answer = json.loads(body)
        self.server.answered.set()

    def log_message(self, *_):
        pass


def start(runtime, variables):
    environment = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": "monitor",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        **variables,
    }
    return subprocess.Popen([BINARY], env=environment, stdout=subprocess.DEVNULL)


def starts():
    """Milliseconds from exec to the first poll, per start."""
    taken = []
    for _ in range(STARTS + 1):
        runtime = Runtime()
        begun = time.perf_counter()
        process = start(runtime, {"AWS_REGION": "us-east-1"})
        runtime.polled.wait(30)
        taken.append((runtime.polled_at - begun) * 1000)
        process.kill()
        process.wait()
        runtime.shutdown()
    return taken[1:]  # the first one warms the page cache


def run():
    """One whole run on the demo account; the answer, and VmHWM in MiB."""
    aws = subprocess.Popen([SERVE, "0"], stdout=subprocess.PIPE, text=True)
    variables = {}
    while "S3_BUCKET" not in variables:
        for pair in aws.stdout.readline().removeprefix("export ").split():
            name, value = pair.split("=", 1)
            variables[name] = value
    runtime = Runtime()
    process = start(runtime, variables)
    answer = runtime.invoke()
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    process.kill()
    aws.kill()
    return answer, peak / 1024


def main():
    taken = starts()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.write(BINARY, "bootstrap")
    answer, peak = run()
    calls = answer["connect_api"]["requests"]
    bound = (calls - 5) / 2
    took = answer["duration_ms"] / 1000
    print(f"start to first poll   median {statistics.median(taken):.1f} ms, min {min(taken):.1f}, max {max(taken):.1f} ({STARTS} starts)")
    print(f"peak resident memory  {peak:.1f} MiB, run of {len(answer['instances'])} instances")
    print(f"binary                {os.path.getsize(BINARY) / 1e6:.2f} MB, zip {len(packed.getvalue()) / 1e6:.2f} MB")
    print(f"Connect calls         {calls}, throttled {answer['connect_api']['throttled']}")
    print(f"run time              {took:.1f} s, bound {bound:.1f} s, ratio {took / bound:.3f}")


if __name__ == "__main__":
    main()
