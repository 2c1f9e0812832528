"""The commands ``people list`` and ``people code``, for whoever has the server's own console."""

import typer

from mmcore.people.policy import policy_of
from mmcore.people.service import People
from mmcore.terminal import refusing

people = typer.Typer(no_args_is_help=True, help="The accounts of this site.")


@people.command("list")
def list_command() -> None:
    """Print every account: id, name, roles, and whether it may sign in."""
    from mmcore.store import Store, place_of

    with refusing(), Store(place_of()) as store:
        for account in store.people.accounts():
            state = "disabled" if account.disabled_at else "enabled"
            roles = " ".join(sorted(account.roles)) or "no role"
            typer.echo(f"{account.id}  {account.name}  {roles}  {state}")


@people.command()
def code() -> None:
    """Print a code with which one more admin can be made at /account/setup."""
    from mmcore.store import Store, place_of

    with refusing(), Store(place_of()) as store:
        typer.echo(People(store.people, policy_of()).new_setup_code())
