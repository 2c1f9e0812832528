"""Below a chart: what it says of this patient, what it does not, where it lies, its tests."""

from collections.abc import Iterable

from dashboard.language import say, t
from dashboard.markup import Markup, element, show
from mmcore import sentences
from mmcore.records import Case, Explanation, Modality, Parts, PartTest, TargetPrediction
from mmcore.sentences import Told
from mmcore.wording import passed_text

_RESULT = {
    True: (say("passed"), "good"),
    False: (say("failed"), "refused"),
    None: (say("says nothing"), ""),
}


def caption(told: Told, *, name: str) -> None:
    """Draw the two sentences on one chart."""
    small = element("small", t(told.says_not))
    show(element("p", t(told.says), small, cls="co-says", data_testid=f"says-{name}"))


def of_part(
    modality: Modality, target: TargetPrediction, explanation: Explanation, case: Case
) -> None:
    """Draw the sentences, the places and the tests of one modality's evidence, where it has any."""
    parts = explanation.parts.get(modality)
    if parts is None:
        return
    if parts.passed:
        signed = next(c.signed for c in explanation.contributions if c.modality is modality)
        names = sentences.observation_names(case.observations)
        told = sentences.of_part(modality, target, signed, parts.items, names)
        caption(told, name=modality.value)
        _places(parts)
    if parts.tests:
        show(_tests(parts.tests, modality))


def _places(parts: Parts) -> None:
    where, warning = sentences.of_places(parts.places)
    if where:
        show(element("p", t(where), cls="co-says", data_testid=f"places-{parts.modality}"))
    if warning:
        show(
            element(
                "div", t(warning), cls="co-note caution",
                data_testid=f"outside-{parts.modality}", role="note",
            )
        )  # fmt: skip


def _tests(tests: Iterable[PartTest], modality: Modality) -> Markup:
    tests = tuple(tests)
    tone = "caution" if any(test.passed is False for test in tests) else "good"
    rows = []
    for test in tests:
        word, row_tone = _RESULT[test.passed]
        badge = element("span", t(word), cls=f"co-badge {row_tone}".strip())
        rows.append(element("li", element("b", t(test.name)), " ", badge, " ", t(test.words)))
    return element(
        "details",
        element(
            "summary",
            element("span", t(passed_text(tests)), cls=f"co-badge {tone}"),
            data_show=t("show"),
            data_hide=t("hide"),
        ),
        element("ul", *rows),
        cls="co-tests",
        data_testid=f"tests-{modality}",
    )
