"""The first page has no name in its address; who types its name all the same is led there."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.people_addresses import path_to

_NAME = "worklist"


def routes() -> list[Route]:
    """Return the routes that lead to the first page."""
    return [Route(path_to(place), _lead) for place in (_NAME, f"{_NAME}/")]


async def _lead(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse(path_to("") + (f"?{query}" if query else ""), 307)
