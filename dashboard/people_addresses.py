"""Addresses of the pages around signing in, and the cookie in which a browser holds its session."""

from streamlit import config

COOKIE = "consilium_session"
OWN = "account/"
SIGN_IN, SIGN_OUT = f"{OWN}sign-in", f"{OWN}sign-out"
SETUP, PASSWORD = f"{OWN}setup", f"{OWN}password"
SCRIPT = f"{OWN}page.js"


def base() -> str:
    """Return the path under which the dashboard is served, without a slash at its end."""
    path = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def path_to(page: str) -> str:
    """Return the path of a page, "" for the first one of the dashboard."""
    return f"{base()}/{page}"
