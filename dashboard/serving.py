"""What every answer of the server tells the browser to refuse, and whose sockets are let in.

Streamlit sets none of these headers. It lets an application put a layer of its own in front of
every route (``st.App``), websockets included; ``dashboard/app.py`` puts this one there.
"""

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

_ASSETS = "/static/"
"""Streamlit's own scripts, styles and fonts, named by their content: they may stay in a cache."""

_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self' blob:",  # a component's script reaches the page as a blob
    "style-src": "'self' 'unsafe-inline'",  # Streamlit's styles are made by its scripts
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "media-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",  # the pages around signing in are forms
    "frame-ancestors": "'none'",
}
_UNUSED = (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation",
    "gyroscope", "hid", "local-fonts", "magnetometer", "microphone", "midi", "payment", "serial",
    "usb",
)  # fmt: skip
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PORTS = {"http": 80, "https": 443}


class Guard:
    """A layer in front of Streamlit: headers on every answer, no socket for a foreign page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = {**_HEADERS, "Content-Security-Policy": content_policy()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse a socket before Streamlit hears of it."""
        if scope["type"] == "websocket" and not is_own(Headers(scope=scope)):
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it opened: HTTP 403
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if _ASSETS not in scope["path"]:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


def content_policy() -> str:
    """Return the Content-Security-Policy (W3C CSP Level 3): nothing from elsewhere.

    No inline script runs but that of Streamlit's own index page, let through by its digest.
    """
    index = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in re.findall(r"<script>(.*?)</script>", index, re.DOTALL)
    ]
    sources = dict(_SOURCES)
    sources["script-src"] += "".join(f" 'sha256-{digest}'" for digest in digests)
    return "; ".join(f"{name} {value}" for name, value in sources.items())


def is_own(headers: Headers) -> bool:
    """Return whether a socket or a form comes from a page of this server, or from no page at all.

    Streamlit asks this of sockets too, but lets in every page of this machine, whatever serves it,
    and asks an address service outside for the machine's own address where it knows no better.
    """
    origin, host = headers.get("origin"), headers.get("host")
    if origin is None:
        return True
    asking = _place(origin)
    if asking is None:
        return False
    if urlsplit(origin).netloc == host and is_host_allowed(host):
        return True
    named, port = (config.get_option(f"browser.{of}") for of in ("serverAddress", "serverPort"))
    known = [_place(one) for one in config.get_option("server.corsAllowedOrigins")]
    return asking[1:] == (named, int(port)) or asking in known


def _place(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin (RFC 6454), None for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return None if parts.hostname is None or port is None else (parts.scheme, parts.hostname, port)
