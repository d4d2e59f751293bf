"""Web servers on this machine, of whole files and of parts."""

import functools
import http.server
import re
import threading

import pytest


class Whole(http.server.SimpleHTTPRequestHandler):
    """A server that gives whole files only."""

    def log_message(self, *_):
        pass


class Ranges(Whole):
    """A server of files by parts, as the mirrors are; it notes how much was asked of it."""

    protocol_version = "HTTP/1.1"
    sent = 0

    def do_GET(self):
        with open(self.translate_path(self.path), "rb") as file:
            raw = file.read()
        start, end = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers["Range"]).groups()
        first = int(start) if start else max(0, len(raw) - int(end))  # bytes=-n: the last n
        part = raw[first : int(end) + 1] if start and end else raw[first:]
        type(self).sent += len(part)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(raw)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


@pytest.fixture
def serve():
    """A function of a folder, and whether by parts, that starts a server and gives its address."""
    servers = []

    def start(directory, parts=False):
        handler = functools.partial(Ranges if parts else Whole, directory=str(directory))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    Ranges.sent, start.sent = 0, lambda: Ranges.sent
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
