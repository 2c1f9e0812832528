"""Asks a model server over HTTP, again and elsewhere where that may help. The door to httpx."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from mmcore.errors import MessageFormatError, ModelServerError
from mmcore.language import say
from mmcore.scale.calls import MESSAGE, VERSION, Call, refused
from mmcore.scale.place import ServerPlace
from mmcore.scale.wire import Message

Found = TypeVar("Found")
PATIENCE_SECONDS = 60.0  # for which a call is tried again before it is given up
ANSWER_SECONDS = 180.0
CONNECT_SECONDS = 5.0
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_MAY_PASS = frozenset({408, 429, 500, 502, 503, 504})
_FAILURES = 3  # status 500: another replica may fare better, but hardly a fourth


class ModelServer:
    """A model server and how it is asked. May be used by any thread."""

    def __init__(
        self,
        place: ServerPlace,
        *,
        patience: float = PATIENCE_SECONDS,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Remember where to ask; nothing is asked yet. patience: in seconds."""
        self._place, self._patience, self._sleep = place, patience, sleep
        self._lock = threading.Lock()
        self._turn = 0
        headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
        self._http = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,  # no proxy of the environment gets to see a case
            verify=_believed(place.ca),
            transport=transport,
        )

    def ask(self, digest: str, call: Call, message: bytes) -> Message:
        """Return the answer of any replica of the pack with that digest.

        A call has no effect but its answer, so it is sent again when a replica dies, is busy or can
        not be reached, to each address in turn. Raises ``ModelServerError`` when patience is at its
        end, and what the model itself refuses.
        """
        path = f"/{VERSION}/packs/{digest}/{call}"
        response = self._tried(lambda url: self._http.post(url + path, content=message, headers={
            "Content-Type": MESSAGE,
        }))  # fmt: skip
        if response.status_code == 200:
            return _understood(lambda: Message(response.content))
        if response.status_code == 422:
            raise _understood(lambda: refused(response.content))
        raise ModelServerError(problem=_words(response.status_code), may_pass=False)

    def packs(self) -> list[dict[str, Any]]:
        """Return what the server says of its packs. Raises ``ModelServerError``."""
        response = self._tried(lambda url: self._http.get(f"{url}/{VERSION}/packs"))
        if response.status_code != 200:
            raise ModelServerError(problem=_words(response.status_code), may_pass=False)
        found = response.json()
        return list(found["packs"])

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _tried(self, send: Callable[[str], httpx.Response]) -> httpx.Response:
        """Return the first response that would not change if it was asked for again."""
        ends, wait, failures = time.monotonic() + self._patience, _FIRST_WAIT, 0
        while True:
            response = _sent(send, self._url())
            if response is not None and response.status_code not in _MAY_PASS:
                return response
            pause = max(wait, _told_to_wait(response))
            status = 0 if response is None else response.status_code
            failures += status == 500
            if time.monotonic() + pause > ends or failures == _FAILURES:
                raise ModelServerError(problem=_words(status), may_pass=True)
            with self._lock:
                self._turn += 1
            self._sleep(pause)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _url(self) -> str:
        with self._lock:
            return self._place.urls[self._turn % len(self._place.urls)]


def _sent(send: Callable[[str], httpx.Response], url: str) -> httpx.Response | None:
    try:
        return send(url)
    except httpx.RequestError:  # also of an answer that is packed otherwise than it says
        return None


def _told_to_wait(response: httpx.Response | None) -> float:
    told = "" if response is None else response.headers.get("Retry-After", "")
    return min(float(told), _LONGEST_WAIT) if told.isdigit() else 0.0


def _understood(read: Callable[[], Found]) -> Found:
    try:
        return read()
    except MessageFormatError as error:
        problem = say("gave an answer that can not be read")
        raise ModelServerError(problem=problem, may_pass=False) from error


def _believed(ca: str) -> Any:
    if not ca:
        return True
    import ssl

    return ssl.create_default_context(cafile=ca)


def _words(status: int) -> str:
    known = {
        0: say("can not be reached"),
        400: say("could not read what it was sent; its version may be another one"),
        401: say("did not accept our token"),
        404: say("does not have this model"),
        413: say("does not take a case of this size"),
        500: say("failed on this case"),
        503: say("is busy"),
    }
    return known.get(status, say("answered with HTTP status {code}", code=status))
