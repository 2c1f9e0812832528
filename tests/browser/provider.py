"""A small OpenID Connect provider of the tests' own, on this machine: discovery, codes, tokens.

It follows OpenID Connect Core 1.0 as far as the authorization code flow goes, and signs in whoever
the test says without asking.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "consilium", "a secret of the test"


@dataclass
class Provider:
    """Who signs in next, for how long their token is good, and what was asked."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    seconds: int = 3600
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))

    def token(self, nonce: str) -> str:
        """Return a signed ID token."""
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "iat": now, "exp": now + self.seconds, "nonce": nonce,
            **self.claims,
        }  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)


@contextmanager
def providing() -> Iterator[Provider]:
    """Run a provider."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            provider.asked.append(asked.path)
            if asked.path == "/.well-known/openid-configuration":
                self._json(
                    {
                        "issuer": provider.url,
                        "authorization_endpoint": f"{provider.url}/authorize",
                        "token_endpoint": f"{provider.url}/token",
                        "jwks_uri": f"{provider.url}/jwks",
                        "response_types_supported": ["code"],
                        "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["RS256"],
                        "code_challenge_methods_supported": ["S256"],
                    }
                )
            elif asked.path == "/jwks":
                self._json({"keys": [provider.key.as_dict(private=False)]})
            elif asked.path == "/authorize":
                code = secrets.token_hex(8)
                provider.codes[code] = (query["nonce"], query["code_challenge"])
                back = urlencode({"code": code, "state": query["state"]})
                self.send_response(302)
                self.send_header("Location", f"{query['redirect_uri']}?{back}")
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            nonce, challenge = provider.codes.pop(form["code"])
            made = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(made).rstrip(b"=").decode() != challenge:
                self.send_error(400)
                return
            self._json(
                {
                    "access_token": secrets.token_hex(),
                    "token_type": "Bearer",
                    "expires_in": provider.seconds,
                    "id_token": provider.token(nonce),
                }
            )

        def _json(self, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
