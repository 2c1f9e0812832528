"""The laboratory values and vital signs that Consilium knows by LOINC code.

One table: intake converts to its units and questions what lies outside its plausible range, the
simulator draws from it, models normalise by it, pages and reports take names and reference ranges
from it. Codes and names: LOINC (loinc.org); units: UCUM; reference ranges are common adult ones and
are used only where the source states none.
"""

from dataclasses import dataclass, field

from mmcore.language import say


@dataclass(frozen=True, slots=True)
class ObservationType:
    """One kind of observation.

    unit: canonical UCUM unit. ``reference`` and ``plausible`` are (low, high) in that unit;
        a value outside ``plausible`` is not believed without being asked about.
    conversions: other UCUM unit -> (factor, offset), canonical = value * factor + offset.
    aliases: lower-case names that a CSV may use instead of the code.
    """

    loinc: str
    display: str
    unit: str
    reference: tuple[float, float]
    plausible: tuple[float, float]
    conversions: dict[str, tuple[float, float]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    is_vital: bool = False


def _vital(
    loinc: str, display: str, unit: str, reference: tuple[float, float],
    plausible: tuple[float, float], conversions: dict[str, tuple[float, float]],
    *aliases: str,
) -> ObservationType:  # fmt: skip
    return ObservationType(
        loinc, display, unit, reference, plausible, conversions, aliases, is_vital=True
    )


_PER_NL = {"10^9/L": (1.0, 0.0), "10*9/L": (1.0, 0.0), "10^3/uL": (1.0, 0.0), "/uL": (0.001, 0.0)}

_TYPES = (
    _vital("8310-5", say("Body temperature"), "Cel", (36.1, 37.5), (28.0, 44.0),
           {"[degF]": (5 / 9, -160 / 9)}, "temperature", "temp", "body temp"),
    _vital("8867-4", say("Heart rate"), "/min", (60.0, 100.0), (20.0, 280.0),
           {"{beats}/min": (1.0, 0.0)}, "pulse", "hr"),
    _vital("9279-1", say("Respiratory rate"), "/min", (12.0, 20.0), (4.0, 80.0),
           {"{breaths}/min": (1.0, 0.0)}, "rr", "resp rate"),
    _vital("59408-5", say("Oxygen saturation (pulse oximetry)"), "%", (94.0, 100.0), (40.0, 100.0),
           {"1": (100.0, 0.0)}, "spo2", "oxygen saturation", "o2 sat", "po2_saturation"),
    _vital("8480-6", say("Systolic blood pressure"), "mm[Hg]", (90.0, 140.0), (40.0, 300.0),
           {"kPa": (7.50062, 0.0)}, "sbp", "systolic"),
    ObservationType("6690-2", say("Leukocytes"), "10*3/uL", (4.0, 11.0), (0.05, 200.0), _PER_NL,
                    ("wbc", "white blood cells", "leukocyte count", "leukocyte_count")),
    ObservationType("1988-5", say("C-reactive protein"), "mg/L", (0.0, 5.0), (0.0, 700.0),
                    {"mg/dL": (10.0, 0.0)}, ("crp",)),
    ObservationType("33959-8", say("Procalcitonin"), "ng/mL", (0.0, 0.5), (0.0, 400.0),
                    {"ug/L": (1.0, 0.0)}, ("pct",)),
    ObservationType("33762-6", say("NT-proBNP"), "pg/mL", (0.0, 300.0), (1.0, 150000.0),
                    {"ng/L": (1.0, 0.0), "pmol/L": (8.457, 0.0)}, ("ntprobnp", "nt pro bnp")),
    ObservationType("67151-1", say("Troponin T, high sensitivity"), "ng/L", (0.0, 14.0),
                    (0.0, 50000.0), {"pg/mL": (1.0, 0.0), "ng/mL": (1000.0, 0.0)},
                    ("hs-troponin t", "troponin t", "troponin")),
    ObservationType("1751-7", say("Albumin"), "g/dL", (3.5, 5.0), (0.5, 7.0), {"g/L": (0.1, 0.0)},
                    ("alb",)),
    ObservationType("2532-0", say("Lactate dehydrogenase"), "U/L", (120.0, 250.0), (20.0, 20000.0),
                    {"[IU]/L": (1.0, 0.0), "ukat/L": (60.0, 0.0)}, ("ldh",)),
    ObservationType("2019-8", say("Carbon dioxide partial pressure, arterial"), "mm[Hg]",
                    (35.0, 45.0), (10.0, 150.0), {"kPa": (7.50062, 0.0)}, ("paco2", "pco2")),
    ObservationType("2039-6", say("Carcinoembryonic antigen"), "ng/mL", (0.0, 5.0), (0.0, 20000.0),
                    {"ug/L": (1.0, 0.0)}, ("cea",)),
    ObservationType("718-7", say("Hemoglobin"), "g/dL", (12.0, 17.0), (2.0, 25.0),
                    {"g/L": (0.1, 0.0), "mmol/L": (1.6114, 0.0)},
                    ("hb", "hgb", "haemoglobin")),
    ObservationType("2160-0", say("Creatinine"), "mg/dL", (0.5, 1.2), (0.1, 30.0),
                    {"umol/L": (1 / 88.42, 0.0)}, ("crea",)),
    ObservationType("2951-2", say("Sodium"), "mmol/L", (135.0, 145.0), (90.0, 200.0),
                    {"meq/L": (1.0, 0.0)}, ("na",)),
    ObservationType("2823-3", say("Potassium"), "mmol/L", (3.5, 5.1), (1.2, 10.0),
                    {"meq/L": (1.0, 0.0)}, ("k",)),
    # At the end, so that what was stored by position keeps its place.
    ObservationType("751-8", say("Neutrophils"), "10*3/uL", (1.8, 7.7), (0.0, 150.0), _PER_NL,
                    ("neutrophil count", "neutrophil_count", "anc")),
    ObservationType("731-0", say("Lymphocytes"), "10*3/uL", (1.0, 4.8), (0.0, 500.0), _PER_NL,
                    ("lymphocyte count", "lymphocyte_count", "alc")),
)  # fmt: skip

OBSERVATION_TYPES: dict[str, ObservationType] = {t.loinc: t for t in _TYPES}
"""Every known observation type by LOINC code."""
