"""What a clause of a note does with what it names: asserts, denies, hedges, tells of the past."""

import numpy as np
import pytest

from mmcore.explain.assertions import assertion_of, assertions
from mmcore.explain.phrases import clause_spans
from mmcore.simulate.causal import sample_disease
from mmcore.simulate.note import compose_note


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("no chest pain", "negated"),
        ("denies shortness of breath", "negated"),
        ("lungs without wheezes or rales", "negated"),
        ("troponin was negative", "negated"),
        ("negative for influenza A", "negated"),
        ("pulmonary embolism was ruled out by CT angiography", "negated"),
        ("patient is free of fever", "negated"),
        ("abdomen unremarkable", "negated"),
        ("heart size within normal limits", "negated"),
        ("there is no evidence of pneumothorax", "negated"),
        ("never had a seizure", "negated"),
        ("absence of pleural fluid", "negated"),
        ("chest is clear to auscultation bilaterally", "negated"),
        ("no history of asthma", "negated"),
        ("denies any history of tuberculosis", "negated"),
        ("neither edema nor cyanosis", "negated"),
        ("CT fails to reveal a mass", "negated"),
        ("fracture not seen", "negated"),
        ("history of COPD", "history"),
        ("status post coronary bypass", "history"),
        ("s/p right lobectomy in 2011", "history"),
        ("myocardial infarction three years ago", "history"),
        ("previous stroke with residual weakness", "history"),
        ("prior deep vein thrombosis", "history"),
        ("had measles as a child", "history"),
        ("family history of lung cancer", "history"),
        ("mother died of breast cancer", "history"),
        ("no longer smokes", "history"),
        ("possible early pneumonia", "hedged"),
        ("pulmonary embolism can not be excluded", "hedged"),
        ("rule out aortic dissection", "hedged"),
        ("atelectasis versus infiltrate", "hedged"),
        ("this may represent a granuloma", "hedged"),
        ("findings suspicious for malignancy", "hedged"),
        ("not certain if the nodule is new", "hedged"),
        ("effusion unlikely", "hedged"),
        ("no increase in the effusion", ""),
        ("gram negative rods in sputum", ""),
        ("absent breath sounds on the left", ""),
        ("without difficulty walking", ""),
        ("67-year-old man with fever", ""),
        ("worse than on the previous film", ""),
        ("history of present illness", ""),
        ("abnormal T waves", ""),
        ("presents with acute dyspnea", ""),
        ("no significant change in the left consolidation", ""),
        ("pain not only on exertion", ""),
        ("infiltrate has not resolved", ""),
        ("previously healthy woman with hemoptysis", ""),
        ("nodule in May of this year", ""),
        ("", ""),
    ],
)
def test_a_clause_is_read_as_a_clinician_reads_it(clause: str, expected: str) -> None:
    assert assertion_of(clause) == expected
    assert assertion_of(clause.upper()) == expected


def test_a_clause_of_two_minds_is_not_marked_as_a_whole() -> None:
    assert assertion_of("no fever but a productive cough") == ""
    assert assertion_of("no fever but also no cough") == "negated"


def marked(note: str) -> dict[str, str]:
    spans = clause_spans(note)
    marks = assertions(note, spans)
    return {note[a:b]: mark for (a, b), mark in zip(spans, marks, strict=True)}


def test_what_turns_a_sentence_ends_the_scope_of_a_denial() -> None:
    found = marked("No fever but productive cough. Crackles without wheeze, and no edema.")
    assert found == {
        "No fever": "negated",
        "but productive cough.": "",
        "Crackles": "",
        "without wheeze,": "negated",
        "and no edema.": "negated",
    }


def test_a_denial_goes_on_over_a_list_and_not_over_the_next_statement() -> None:
    found = marked(
        "Denies fever, chills, dyspnea. No edema, cyanosis or clubbing. No rash, wet cough. Pain"
    )
    assert found == {
        "Denies fever,": "negated",
        "chills,": "negated",
        "dyspnea.": "negated",
        "No edema,": "negated",
        "cyanosis or clubbing.": "negated",
        "No rash,": "negated",
        "wet cough.": "",
        "Pain": "",
    }


def test_a_heading_of_past_history_holds_until_the_next_heading() -> None:
    found = marked(
        "History: cough\nPMH: COPD, pneumonia, no diabetes. Presents now with fever.\n"
        "Bypass surgery\nPlan: antibiotics"
    )
    assert found == {
        "History:": "",
        "cough": "",
        "PMH:": "",
        "COPD,": "history",
        "pneumonia,": "history",
        "no diabetes.": "negated",
        "Presents now with fever.": "",
        "Bypass surgery": "history",
        "Plan:": "",
        "antibiotics": "",
    }


def test_a_past_history_may_stand_in_the_middle_of_a_line() -> None:
    found = marked("Cough. Past medical history: gout. Medications: aspirin")
    assert found["gout."] == "history"
    assert found["aspirin"] == ""


def test_of_simulated_notes_98_of_100_denials_and_histories_are_recognised() -> None:
    """A statement is what one of its clauses says: "breath sounds equal, no collapsed lung"."""
    right: dict[str, list[bool]] = {}
    for index in range(300):
        rng = np.random.default_rng([41, index])
        text, phrases = compose_note(rng, sample_disease(rng))
        spans = clause_spans(text)
        marks = assertions(text, spans)
        for phrase in phrases:
            inside = {
                m for (a, _), m in zip(spans, marks, strict=True) if phrase.start <= a < phrase.end
            }
            said = next((m for m in ("history", "negated", "hedged") if m in inside), "asserted")
            right.setdefault(phrase.assertion, []).append(said == phrase.assertion)
    shares = {assertion: np.mean(found) for assertion, found in right.items()}
    assert min(len(found) for found in right.values()) > 100
    assert shares["negated"] >= 0.98
    assert shares["history"] >= 0.98
    assert shares["hedged"] >= 0.95
    assert shares["asserted"] >= 0.95
