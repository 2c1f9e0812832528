"""Messages in, messages out: what one replica does with one engine. Knows nothing of Ray."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmcore.errors import MessageFormatError, MMCoreError
from mmcore.records import Case, Modality
from mmcore.scale.calls import Call, refusal
from mmcore.scale.wire import Message, to_bytes

if TYPE_CHECKING:
    from mmcore.engine import Engine


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an HTTP status, and a message with 200 or JSON with any other."""

    status: int
    body: bytes


class Answering:
    """One engine that answers messages. Every public method may be called by any thread.

    is_in_doubt: the engine raised what it never should; ``check`` says whether it still works.
    """

    def __init__(self, engine: "Engine") -> None:
        engine.warm_up()
        self.engine = engine
        self.is_in_doubt = False

    def predict(self, messages: Sequence[bytes]) -> list[Answer]:
        """Answer several predictions at once, each with its own outcome."""
        cases: dict[int, Case] = {}
        answers: dict[int, Answer] = {}
        for number, message in enumerate(messages):
            try:
                cases[number] = Message(message).take("case", Case)
            except MMCoreError as error:
                answers[number] = _refused(error)
        try:
            found = self.engine.predict_all(list(cases.values()))
        except Exception as error:  # noqa: BLE001 - the border: no caller waits for ever
            found = [self._broken(error)] * len(cases)
        for number, one in zip(cases, found, strict=True):
            answers[number] = (
                _refused(one) if isinstance(one, MMCoreError) else _given(prediction=one)
            )
        return [answers[number] for number in range(len(messages))]

    def answer(self, call: Call, message: bytes) -> Answer:
        """Answer one call."""
        if call is Call.PREDICT:
            return self.predict([message])[0]
        try:
            return self._answer(call, Message(message))
        except MMCoreError as error:
            return _refused(error)
        except Exception as error:  # noqa: BLE001 - the border
            return _refused(self._broken(error))

    def check(self) -> None:
        """Return if the engine works. Raises ``MMCoreError`` or what a broken device raises."""
        if not self.is_in_doubt:
            return
        if self.engine.self_test() is False:
            raise EngineBrokenError(kind="answers unlike those of its release")
        self.is_in_doubt = False

    def _answer(self, call: Call, message: Message) -> Answer:
        case, target = message.take("case", Case), message.take("target", str)
        if call is Call.EXPLAIN:
            return _given(explanation=self.engine.explain(case, target))
        modality = message.take("modality", Modality)
        if call is Call.NOT_APPLICABLE:
            return _given(reasons=self.engine.not_applicable(case, target, modality))
        method, baseline = message.take("method", str), message.take("baseline", str)
        return _given(
            result=self.engine.explain_with(case, target, modality, method, baseline=baseline)
        )

    def _broken(self, error: Exception) -> MMCoreError:
        self.is_in_doubt = True
        return EngineBrokenError(kind=type(error).__name__)


class EngineBrokenError(MMCoreError):
    """The engine raised what it never should, or answers what it should not; ``kind`` says what."""

    def __init__(self, *, kind: str) -> None:
        super().__init__(f"the engine failed: {kind}")
        self.kind = kind


def _given(**values: object) -> Answer:
    return Answer(200, to_bytes(values))


def _refused(error: MMCoreError) -> Answer:
    status = 422
    if isinstance(error, MessageFormatError):
        status = 400
    elif isinstance(error, EngineBrokenError):
        status = 500
    return Answer(status, refusal(error))
