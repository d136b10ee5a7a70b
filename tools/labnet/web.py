"""The IPv4-only web server: one page, which tells who came.

python3 web.py ADDRESS PORT
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers.get("Host", "?")
        text = (
            f"Hello from the IPv4-only web server {self.server.server_address[0]}.\n"
            f"You asked for {host}, and came from {self.client_address[0]}.\n"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):  # no reverse lookup for the log
        return self.client_address[0]


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Page).serve_forever()
