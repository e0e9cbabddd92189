"""The Lambda Runtime API, for one function that runs on this machine."""

import queue
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/2018-06-01/runtime/"


class RuntimeApi:
    def __init__(self, arn="arn:aws:lambda:us-east-1:123456789012:function:under-test"):
        self._waiting = queue.Queue()
        self._answers = queue.Queue()
        self.first_poll = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.first_poll.set()
                request_id, payload, deadline = api._waiting.get()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.send_header("lambda-runtime-aws-request-id", request_id)
                self.send_header("lambda-runtime-deadline-ms", str(deadline))
                self.send_header("lambda-runtime-invoked-function-arn", arn)
                self.end_headers()
                self.wfile.write(payload)

            def do_POST(self):
                if self.headers.get("transfer-encoding") == "chunked":
                    body = self._chunks()
                else:
                    body = self.rfile.read(int(self.headers.get("content-length", 0)))
                api._answers.put((self.path.endswith("/error"), body))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def _chunks(self):
                body = b""
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A function that is ended leaves its connection as it is.
        self._server.handle_error = lambda *_: None
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, payload, seconds, process, request_id=None):
        """(failed, answer). An error at the start is an answer too, as it is for who invokes through Lambda."""
        end = time.time() + seconds
        self._waiting.put((request_id or str(uuid.uuid4()), payload, int(end * 1000)))
        while time.time() < end:
            try:
                return self._answers.get(timeout=0.2)
            except queue.Empty:
                if process.poll() is not None and self._answers.empty():
                    return True, b'{"errorType":"Runtime.ExitError","errorMessage":"the function exited"}'
        return True, b'{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out"}'
