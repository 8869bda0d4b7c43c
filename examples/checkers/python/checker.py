"""A checker that forbids MAX_PT. The answer to the POST is the verdict, so it needs no key and no client.

Run: PORT=9000 python3 examples/checkers/python/checker.py
"""
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_PT = re.compile(r"\bmax_pt\s*\(", re.IGNORECASE)
ADVICE = "Name the partition, so that a rerun reads the same data."


def check(question):
    """What is under decision stands in `snapshot`; which branch is filled depends on the extension point."""
    findings = [
        {"object": part.get("FileName", question.get("title")), "line": number, "rule": "MAX_PT", "text": ADVICE}
        for part in (question.get("snapshot") or {}).values()
        for number, line in enumerate(part.get("Content", "").split("\n"), 1)
        if MAX_PT.search(line)
    ]
    if not findings:
        return {"checkResult": "OK"}
    # What the workspace has chosen in the form of the extension's options.
    chosen = (question.get("options") or {}).get("checkStatus", "FAIL")
    return {"checkResult": chosen, "checkMessage": f"MAX_PT is called {len(findings)} times.", "findings": findings}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            status, answer = 200, check(json.loads(body))
        except ValueError:
            status, answer = 400, {"error": "the body is no JSON"}
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Handler)
print(f"checker listens on http://127.0.0.1:{server.server_port}/check", flush=True)
server.serve_forever()
