"""A Lambda Runtime API for one function's process: it notes the first poll and hands out one event."""

import http.server
import json
import threading
import time


class Runtime(http.server.ThreadingHTTPServer):
    """One event at a time; the first poll's arrival is noted."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.polled = threading.Event()
        self.polled_at = 0.0
        self.event = threading.Event()
        self.answered = threading.Event()
        self.failed, self.answer = True, None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """A function that is stopped closes its connection: that is no news."""

    def invoke(self, patience):
        """The function's answer to `{}`; an error where it failed, or where there was none in `patience` seconds."""
        self.answered.clear()
        self.event.set()
        if not self.answered.wait(patience):
            raise TimeoutError(f"no answer within {patience} s")
        if self.failed:
            raise RuntimeError(f"the function failed: {self.answer}")
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
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self):
        body = self.body()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.failed = self.path.endswith("/error")
        self.server.answer = json.loads(body)
        self.server.answered.set()

    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        chunks = b""
        while size := int(self.rfile.readline(), 16):
            chunks += self.rfile.read(size)
            self.rfile.readline()
        return chunks

    def log_message(self, *_):
        pass
