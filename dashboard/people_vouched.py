"""People whom somebody else vouches for: an identity provider (OIDC), or a proxy in front.

Streamlit does the OpenID Connect exchange (``st.login``, by Authlib) and keeps the claims in a
cookie that it signs. It looks at no expiry and knows no revocation: this module does both.
"""

import hashlib
import hmac
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Scope
from streamlit.auth_util import get_secrets_auth_section
from streamlit.user_info import generate_login_redirect_url
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from dashboard import people, people_words
from dashboard.language import Text, say
from dashboard.people_addresses import path_to
from dashboard.people_pages import plain_page
from mmcore.errors import ConfigError, SignInRefusedError
from mmcore.people import LoginMode, People, Policy, Source
from mmcore.people.addresses import through_proxies
from mmcore.people.policy import LOGIN

_LOGOUT = "auth/logout"
ROUTES = ("auth/login", _LOGOUT, "oauth2callback")
"""Streamlit's own, for the way to the provider and back."""
FORWARDED = "FORWARDED_ALLOW_IPS"
_UVICORN_TRUSTS = "127.0.0.1"
_NAMES = ("email", "preferred_username", "upn")
_LEAST_SECRET = 32
_OF_PROCESS = secrets.token_hex(32)


def check(policy: Policy) -> None:
    """Refuse settings with which nobody could come in, or anybody. Raises ``ConfigError``."""
    if policy.mode is LoginMode.OIDC:
        section = get_secrets_auth_section()
        if "redirect_uri" not in section or "client_id" not in section:
            problem = "oidc needs [auth] in .streamlit/secrets.toml, as st.login describes it"
            raise ConfigError(key=LOGIN, problem=problem)
        if len(get_cookie_secret() or "") < _LEAST_SECRET:
            problem = f"oidc needs a cookie_secret of at least {_LEAST_SECRET} characters"
            raise ConfigError(key=LOGIN, problem=problem)
    trusted = os.environ.get(FORWARDED, _UVICORN_TRUSTS).strip()
    if policy.mode is LoginMode.HEADER and trusted not in ("", _UVICORN_TRUSTS):
        problem = "with CONSILIUM_LOGIN=header it can be 127.0.0.1 or empty, or not be set"
        raise ConfigError(key=FORWARDED, problem=problem)


def token_of(scope: Scope, everybody: People) -> str:
    """Return the token of whom a provider or proxy vouches for, whose session begins if need be.

    Raises ``SignInRefusedError``.
    """
    if everybody.policy.mode is LoginMode.HEADER:
        return _by_header(scope, everybody)
    claims = _claims(cookies_of(scope))
    if claims is None:
        raise SignInRefusedError(reason="none")
    return _by_claims(claims, everybody)


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the cookies of a request or of the request for a socket."""
    return HTTPConnection(scope).cookies


def _claims(cookies: dict[str, str]) -> dict[str, Any] | None:
    """Return what the provider said of who signed in, as Streamlit signed it, or None."""
    decoded = _get_signed_cookie_with_chunks(cookies, USER_COOKIE_NAME)
    if decoded is None:
        return None
    claims = json.loads(decoded)
    return claims if isinstance(claims, dict) and claims.get("is_logged_in") is True else None


def _by_claims(claims: dict[str, Any], everybody: People) -> str:
    issuer, subject = claims.get("iss"), claims.get("sub")
    issued, expires = _time(claims.get("iat")), _time(claims.get("exp"))
    if not (issuer and subject and issued and expires):
        raise SignInRefusedError(reason="wrong")
    until = min(expires, issued + everybody.policy.session_for)
    name = next((str(claims[key]) for key in _NAMES if claims.get(key)), "")
    is_unverified = str(claims.get("email_verified")).casefold() == "false"  # some say it in words
    if is_unverified and name == str(claims.get("email")):
        name = ""  # anybody can claim it
    token = _token_of(claims)
    everybody.vouched(
        Source.OIDC, subject=f"{issuer} {subject}", name=name,
        display=str(claims.get("name") or name), token=token, until=until,
        groups=_groups(claims, everybody.policy.groups_claim),
    )  # fmt: skip
    return token


def _groups(claims: dict[str, Any], name: str) -> frozenset[str]:
    """Return the groups that a claim names, none for anything that is no list of names.

    name: of the claim, or the way to it through objects, such as ``realm_access.roles``.
    """
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for step in name.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    listed = [found] if isinstance(found, str) else found
    return (
        frozenset(g for g in listed if isinstance(g, str))
        if isinstance(listed, list)
        else (frozenset())
    )


def _token_of(claims: dict[str, Any]) -> str:
    """Return what is the same for one signing in, and can not be made without the site's secret."""
    told = json.dumps(claims, sort_keys=True).encode()
    return hmac.new(get_cookie_secret().encode(), told, hashlib.sha256).hexdigest()


def _time(value: object) -> datetime | None:
    """Return a NumericDate (RFC 7519, 2), None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e11:
        return None
    return datetime.fromtimestamp(value, UTC)


def _by_header(scope: Scope, everybody: People) -> str:
    policy = everybody.policy
    if not policy.trusts(peer_of(scope)):
        raise SignInRefusedError(reason="proxy")
    headers = Headers(scope=scope)
    named = headers.getlist(policy.user_header)
    if len(named) != 1 or not named[0].strip():
        raise SignInRefusedError(reason="header")
    subject = named[0].strip()
    display = headers.get(policy.name_header, "") if policy.name_header else ""
    span = int(datetime.now(UTC).timestamp() // (policy.session_for / timedelta(seconds=1)))
    told = f"{_OF_PROCESS} {span} {subject}"  # one session of a person and process after another
    token = hashlib.sha256(told.encode()).hexdigest()
    everybody.vouched(
        Source.HEADER, subject=subject, name=subject, display=_decoded(display) or subject,
        token=token,
    )  # fmt: skip
    return token


def peer_of(scope: Scope) -> str:
    """Return the address that a request came from, "" where it is not known.

    Behind 127.0.0.1 uvicorn puts the address of X-Forwarded-For in its place, with port 0, which no
    connection has, or with the port that stands there: then nobody can tell it from a connection.
    ``check`` makes sure that it believes no other one.
    """
    client = scope.get("client")
    if not client:
        return ""
    host, port = client
    if port == 0:
        return _UVICORN_TRUSTS
    told = {hop.strip() for value in _forwarded(scope) for hop in value.split(",")}
    return "" if {f"{host}:{port}", f"[{host}]:{port}"} & told else str(host)


def origin_of(scope: Scope, policy: Policy) -> str:
    """Return the address that a request began at, "" where it is not known.

    It is the one that connects, unless that is a proxy: on this machine, or one of those that the
    site trusts.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    return through_proxies(peer, _forwarded(scope), trusts=policy.trusts)


def _forwarded(scope: Scope) -> list[str]:
    return Headers(scope=scope).getlist("x-forwarded-for")


def _decoded(words: str) -> str:
    """Return a header in UTF-8, which Starlette reads as Latin-1."""
    try:
        return words.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return words


def refusal(request: Request, reason: str) -> Response:
    """Return what a person sees whom no trusted proxy has named, or who may not come in."""
    words = {
        "proxy": say(
            "This address is for the sign-in proxy of this site alone. Use the address that you "
            "were given."
        ),
        "header": say("The sign-in proxy of this site named nobody. Tell its admin."),
    }.get(reason) or people_words.of_people_error(SignInRefusedError(reason=reason))
    return plain_page(request, say("Not signed in"), words, status=403)


def sign_in_page(request: Request, problem: Text | None) -> Response:
    """Return the page before the provider's own."""
    if people.policy().mode is LoginMode.HEADER:
        return refusal(request, "header")
    return plain_page(
        request, say("Sign in"), say("Your organisation says who you are."),
        link=(generate_login_redirect_url("default"), say("Go to your organisation's sign-in")),
        problem=problem,
    )  # fmt: skip


def sign_out(request: Request, everybody: People) -> Response:
    """End a session here, and go on to the provider's own way out."""
    if everybody.policy.mode is LoginMode.HEADER:
        lead = say("Sign out where you signed in: the proxy of this site keeps your session.")
        return plain_page(request, say("Sign out"), lead)
    claims = _claims(request.cookies)
    if claims is not None:
        everybody.end(_token_of(claims))
    response = plain_page(
        request, say("Sign out"), say("You are signed out here."),
        link=(path_to(_LOGOUT), say("Sign out of your organisation too")),
    )  # fmt: skip
    response.headers["Refresh"] = f"0; url={path_to(_LOGOUT)}"
    return response
