"""What is looked at when the server starts: how people sign in, and whether it is safe to serve."""

import ipaddress
import os
import sys
from typing import Any

from streamlit import config

from dashboard import people, people_vouched
from dashboard.people_addresses import SETUP, path_to
from mmcore.audit.figures import Figures, figures
from mmcore.errors import ConfigError, StoreError
from mmcore.people import LoginMode


def announce(out: Any = sys.stderr) -> None:
    """Check at start how people sign in, and print the code for the first admin.

    Ends the server where nobody signs in and it listens beyond this machine, and for settings that
    make no sense.
    """
    try:
        policy = people.policy()
        is_near = _is_loopback(config.get_option("server.address"))
        if policy.mode is LoginMode.NONE and not is_near:
            raise SystemExit(
                "refused: CONSILIUM_LOGIN is none, and the server would listen beyond this "
                "machine: whoever reaches it would see every case. Set CONSILIUM_LOGIN to "
                "local, oidc or header, or server.address to 127.0.0.1."
            )
        people_vouched.check(policy)
        if os.environ.get("CONSILIUM_METRICS_PORT"):
            _serve_figures()
        if policy.mode is LoginMode.LOCAL and people.everybody().is_new():
            code = people.everybody().new_setup_code()
            out.write(
                "\n  There is no account yet. The first one is made by whoever reads this, once:\n"
                f"  {_address()}{path_to(SETUP)}\n  Code: {code}\n\n"
            )
            out.flush()
    except (ConfigError, StoreError) as error:
        raise SystemExit(f"refused: {error}") from error


def _serve_figures() -> None:
    from mmcore.audit.prometheus import port_of, serve

    if (port := port_of(os.environ)) is not None:
        serve(port, _figures)


def _figures() -> Figures | None:
    try:
        store = people.journal()
        return None if store is None else figures(store.journal.entries())
    except StoreError:
        return None


def _is_loopback(address: str | None) -> bool:
    if not address:
        return False  # every address of this machine
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _address() -> str:
    host = config.get_option("browser.serverAddress")
    return f"http://{host}:{config.get_option('server.port')}"
