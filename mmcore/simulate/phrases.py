"""What an admission note says of each finding, in many wordings.

Every wording is a clause with a section it belongs to: "hpi", "exam", "tests" or "assessment".
Fields: {side}, {other} (left or right), {zone}, {mm} (a nodule's size), {adjective} (by strength),
{year}. The same words occur asserted, hedged, negated and as history on purpose, so that counting
words tells little and reading their context tells all.
"""

from collections.abc import Mapping
from typing import Literal

from mmcore.simulate.causal import Assertion, Finding

SectionKey = Literal["indication", "hpi", "history", "medication", "exam", "tests", "assessment",
                     "plan"]  # fmt: skip
Wording = tuple[SectionKey, str]

# Weak, middling and strong.
ADJECTIVES: Mapping[Finding, tuple[str, str, str]] = {
    "consolidation": ("patchy", "moderate", "dense"),
    "effusion": ("small", "moderate", "large"),
    "pneumothorax": ("small", "moderate", "large"),
    "nodule": ("faint", "well-defined", "conspicuous"),
    "edema": ("mild", "moderate", "severe"),
    "cardiomegaly": ("mild", "moderate", "marked"),
}

PHRASES: Mapping[Finding, Mapping[Assertion, tuple[Wording, ...]]] = {
    "consolidation": {
        "asserted": (
            ("exam", "bronchial breathing and crackles over the {side} {zone} zone"),
            ("exam", "dull percussion with increased vocal fremitus in the {side} {zone} zone"),
            ("tests", "lung ultrasound shows {adjective} consolidation with air bronchograms on the"
                      " {side}"),
            ("tests", "bedside ultrasound: hepatised lung in the {side} {zone} zone"),
            ("assessment", "{adjective} {side} {zone} zone pneumonia"),
            ("assessment", "clinical picture of {side}-sided lobar pneumonia"),
            ("hpi", "started on amoxicillin yesterday for {adjective} {side} pneumonia"),
            ("exam", "egophony and whispered pectoriloquy at the {side} {zone} zone"),
            ("tests", "urinary pneumococcal antigen positive with {adjective} {side} consolidation"
                      " on ultrasound"),
        ),
        "hedged": (
            ("assessment", "possible {side} consolidation, to be confirmed"),
            ("assessment", "pneumonia can not be excluded on the {side}"),
            ("exam", "questionable bronchial breathing over the {side} {zone} zone"),
            ("tests", "lung ultrasound equivocal for consolidation on the {side}"),
        ),
        "negated": (
            ("exam", "no bronchial breathing and no crackles"),
            ("tests", "lung ultrasound without consolidation"),
            ("assessment", "pneumonia was ruled out clinically"),
            ("hpi", "denies cough, sputum or fever suggestive of pneumonia"),
            ("exam", "vocal fremitus normal throughout, no consolidation"),
        ),
        "history": (
            ("history", "pneumonia in {year}, fully recovered"),
            ("history", "{side} consolidation in {year}, cleared on follow-up"),
            ("history", "father died of pneumonia"),
        ),
    },
    "effusion": {
        "asserted": (
            ("exam", "stony dullness over the {side} base"),
            ("exam", "breath sounds absent at the {side} base with reduced fremitus"),
            ("tests", "ultrasound shows {adjective} anechoic fluid above the {side} diaphragm"),
            ("tests", "thoracic ultrasound: {adjective} {side} pleural effusion"),
            ("tests", "{side} pleural tap yielded straw-coloured fluid"),
            ("assessment", "{adjective} {side} pleural effusion"),
            ("assessment", "fluid collection in the {side} pleural space"),
            ("hpi", "breathlessness relieved last week by drainage of the {side} chest, now"
                    " reaccumulated"),
            ("exam", "{adjective} dullness over the {side} base, shifting with posture"),
        ),
        "hedged": (
            ("assessment", "possible {side} pleural effusion"),
            ("exam", "perhaps slightly dull at the {side} base"),
            ("tests", "trace of pleural fluid on the {side} can not be excluded on ultrasound"),
            ("assessment", "{side} effusion suspected but not confirmed"),
        ),
        "negated": (
            ("exam", "no dullness at either base"),
            ("tests", "lung ultrasound without pleural effusion"),
            ("assessment", "pleural effusion was ruled out at the bedside"),
            ("exam", "bases resonant, no signs of pleural fluid"),
            ("tests", "no anechoic fluid above either diaphragm"),
        ),
        "history": (
            ("history", "{side} pleural effusion drained in {year}, did not recur"),
            ("history", "parapneumonic effusion in {year}, fully resolved"),
            ("history", "sister treated for pleural effusion"),
        ),
    },
    "pneumothorax": {
        "asserted": (
            ("tests", "lung ultrasound shows absent lung sliding on the {side}"),
            ("tests", "lung point seen on the {side}, {adjective} pneumothorax"),
            ("exam", "hyperresonant percussion note with absent breath sounds on the {side}"),
            ("exam", "trachea deviated to the {other}, {side} chest hyperresonant"),
            ("assessment", "{adjective} {side} pneumothorax"),
            ("assessment", "collapsed {side} lung"),
            ("hpi", "sudden {side} pleuritic pain, told of a {adjective} pneumothorax at the"
                    " referring hospital"),
            ("exam", "{side} hemithorax moves less and sounds hollow, subcutaneous emphysema at the"
                     " neck"),
            ("tests", "bedside ultrasound: stratosphere sign at the {side} apex"),
        ),
        "hedged": (
            ("assessment", "{side} pneumothorax can not be excluded"),
            ("tests", "lung sliding difficult to judge on the {side}"),
            ("exam", "breath sounds possibly quieter at the {side} apex"),
            ("assessment", "small {side} pneumothorax conceivable"),
        ),
        "negated": (
            ("tests", "lung sliding present on both sides"),
            ("tests", "lung ultrasound without pneumothorax"),
            ("assessment", "pneumothorax was ruled out at the bedside"),
            ("exam", "no hyperresonance, trachea central"),
            ("exam", "breath sounds equal, no signs of a collapsed lung"),
        ),
        "history": (
            ("history", "pneumothorax in {year}, fully resolved"),
            ("history", "{side} pneumothorax after a fall in {year}, drained without sequelae"),
            ("history", "brother had a pneumothorax"),
        ),
    },
    "nodule": {
        "asserted": (
            ("tests", "outside CT reports a {mm} mm opacity in the {side} {zone} zone"),
            ("hpi", "referred because of a {mm} mm {side} lung nodule found on CT"),
            ("assessment", "{adjective} {mm} mm {side} pulmonary nodule awaiting biopsy"),
            ("assessment", "{side} {zone} zone lung mass, malignancy to be excluded"),
            ("tests", "PET report: avid {mm} mm focus in the {side} {zone} zone"),
            ("hpi", "a coin lesion of the {side} lung was seen at the screening visit"),
            ("hpi", "weight loss of 6 kg and bloody sputum with a known {side} lung nodule"),
            ("tests", "prior CT report: solitary {adjective} nodule, {side} {zone} zone, {mm} mm"),
        ),
        "hedged": (
            ("tests", "outside CT: questionable {mm} mm opacity on the {side}, may be a vessel"),
            ("assessment", "possible {side} lung nodule"),
            ("assessment", "{side} pulmonary nodule can not be excluded"),
            ("hpi", "was told that there might be a spot on the {side} lung"),
        ),
        "negated": (
            ("tests", "screening CT last month without lung nodule"),
            ("assessment", "no suspicion of a lung mass"),
            ("tests", "outside CT: no pulmonary nodule"),
            ("hpi", "denies weight loss and hemoptysis, no known lung nodule"),
            ("assessment", "lung malignancy was ruled out this spring"),
        ),
        "history": (
            ("history", "{side} lung nodule resected in {year}, benign"),
            ("history", "nodule of {mm} mm in {year}, no longer visible on follow-up"),
            ("history", "mother had lung cancer"),
        ),
    },
    "edema": {
        "asserted": (
            ("exam", "fine bibasal crackles up to the mid zones"),
            ("tests", "lung ultrasound shows {adjective} diffuse B-lines on both sides"),
            ("hpi", "orthopnea and pink frothy sputum since last night"),
            ("assessment", "{adjective} pulmonary edema"),
            ("assessment", "acute decompensation with {adjective} lung congestion"),
            ("hpi", "woke up gasping, sleeps on four pillows, {adjective} congestion noted"
                    " by the ambulance"),
            ("exam", "wet rales over both lungs, jugular veins distended"),
            ("tests", "bedside ultrasound: more than three B-lines per field in all zones"),
        ),
        "hedged": (
            ("assessment", "possible early pulmonary edema"),
            ("exam", "perhaps a few basal crackles"),
            ("tests", "occasional B-lines of uncertain significance"),
            ("assessment", "lung congestion can not be excluded"),
        ),
        "negated": (
            ("tests", "lung ultrasound without B-lines"),
            ("exam", "no crackles at the bases, no jugular distension"),
            ("assessment", "pulmonary edema was ruled out"),
            ("hpi", "denies orthopnea and nocturnal dyspnea, no signs of congestion"),
            ("exam", "lungs without rales, no congestion"),
        ),
        "history": (
            ("history", "pulmonary edema in {year}, recompensated"),
            ("history", "admitted with lung congestion in {year}, stable since"),
            ("history", "uncle died of pulmonary edema"),
        ),
    },
    "cardiomegaly": {
        "asserted": (
            ("exam", "apex beat displaced to the anterior axillary line"),
            ("tests", "bedside echocardiogram shows {adjective} dilatation of the left ventricle"),
            ("assessment", "{adjective} cardiomegaly"),
            ("assessment", "dilated heart with reduced ejection fraction"),
            ("exam", "heaving apex beat far lateral, area of cardiac dullness enlarged"),
            ("tests", "echocardiogram: enlarged heart, ejection fraction 30 percent"),
            ("hpi", "known {adjective} enlargement of the heart followed by the cardiologist"),
            ("tests", "ECG with left ventricular hypertrophy, {adjective} cardiomegaly on focused"
                      " echo"),
        ),
        "hedged": (
            ("exam", "apex beat possibly displaced"),
            ("assessment", "cardiomegaly suspected, echocardiogram requested"),
            ("tests", "focused echo of limited quality, enlarged heart not excluded"),
            ("assessment", "possible dilatation of the heart"),
        ),
        "negated": (
            ("exam", "apex beat not displaced"),
            ("tests", "echocardiogram without dilatation, normal ejection fraction"),
            ("assessment", "no evidence of an enlarged heart"),
            ("assessment", "cardiomegaly was ruled out by echo"),
            ("exam", "cardiac dullness within normal limits, no heave"),
        ),
        "history": (
            ("history", "mother had an enlarged heart"),
            ("history", "peripartum cardiomegaly of a sister, recovered"),
            ("history", "dilated heart after myocarditis in {year}, size normal since"),
        ),
    },
}  # fmt: skip

# Said of patients with and without findings alike.
FILLER: Mapping[SectionKey, tuple[str, ...]] = {
    "indication": (
        "shortness of breath, chest film requested",
        "chest discomfort for evaluation",
        "pre-admission chest film",
        "general deterioration, chest film requested",
        "work-up before elective surgery",
        "evaluation in the emergency department",
    ),
    "hpi": (
        "symptoms developed over the last three days",
        "appetite is reduced, fluid intake adequate",
        "lives with family and climbs one flight of stairs",
        "no recent travel and no sick contacts",
        "seen by the family doctor the day before",
        "complains of tiredness after exertion",
        "sleep has been poor during the week",
        "arrived by private car with a relative",
        "reports occasional dizziness on standing",
    ),
    "history": (
        "appendectomy in childhood",
        "arterial hypertension under treatment",
        "type 2 diabetes, diet controlled",
        "osteoarthritis of both knees",
        "cataract surgery on both eyes",
        "hypothyroidism, substituted",
        "seasonal allergic rhinitis",
        "no known drug allergies",
    ),
    "medication": (
        "amlodipine 5 mg once daily",
        "levothyroxine 75 micrograms in the morning",
        "pantoprazole 20 mg",
        "paracetamol as needed",
        "vitamin D weekly",
        "metformin 500 mg twice daily",
        "ramipril 2.5 mg",
        "simvastatin 20 mg at night",
    ),
    "exam": (
        "alert and oriented, in no acute distress",
        "abdomen soft, bowel sounds present",
        "skin warm and dry",
        "pulses palpable on all limbs",
        "no peripheral lymph nodes palpable",
        "calves soft and not tender",
        "heart sounds regular without murmur",
    ),
    "tests": (
        "urine dipstick unremarkable",
        "capillary glucose in the target range",
        "ECG shows sinus rhythm",
        "peak flow recorded by the nurse",
    ),
    "assessment": (
        "findings discussed with the patient",
        "haemodynamically stable at the time of writing",
        "social situation clarified with relatives",
    ),
    "plan": (
        "await laboratory results and chest film",
        "review on the afternoon round",
        "continue home medication",
        "thrombosis prophylaxis as per protocol",
        "monitor vital signs every four hours",
        "physiotherapy from tomorrow",
    ),
}
