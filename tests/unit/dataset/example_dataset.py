"""A small Dataset with one of each: split entity, tree, sparse and multi-select codings, references in both directions."""

from __future__ import annotations

from common.dataset.database import Database
from common.dataset.layout import build_dataset
from common.dataset.model import Dataset
from common.dictionary.model import Code, Coding, DataDictionary, Entity, Field, Reference

DATABASE = Database("database-" + "a" * 24, "trial_db", "database_" + "a" * 24 + "__trial_db")

SEX = Coding("sex", (Code("2", "Female", display_order=1), Code("1", "Male", display_order=2)))
DOSE = Coding("dose_missing", (Code("-1", "Unknown", "C17998", 1), Code("-2", "Refused", "", 2)))
SITE = Coding(
    "site",
    (
        Code("EU", "Europe", "", 1),
        Code("FR", "France", "", 2, "EU"),
        Code("FR-75", "Paris", "", 3, "FR"),
        Code("DE", "Germany", "", 4, "EU"),
        Code("XX", "Elsewhere", "", 5),
    ),
)
SYMPTOM = Coding("symptom", (Code("a", "Ache, any", display_order=1), Code("b", 'The "b"', display_order=2)))

PATIENT = Entity(
    "patient",
    (
        Field("patient", "sex", "integer", coding_name="sex", folder_path=("Demographics", "Basic"), title="Sex"),
        Field("patient", "patient_id", "string", "global", title="Patient ID"),
        Field("patient", "hospital_id", "integer", reference=Reference("hospital", "hospital_id", "many_to_one")),
        Field("patient", "site", "string", coding_name="site", concept="C25341"),
        Field("patient", "born", "date", longitudinal_axis_type="event", attributes={"source": "EHR"}),
    ),
    title="Patients",
    description="Who takes part",
    label_plural="Patients",
    label_singular="Patient",
)
VISIT = Entity(
    "visit",
    (
        Field("visit", "visit_id", "integer", "local"),
        Field("visit", "patient_id", "string", reference=Reference("patient", "patient_id", "many_to_one")),
        Field("visit", "seen_at", "datetime"),
        Field("visit", "dose", "float", coding_name="dose_missing", is_sparse_coding=True, units="mg", linkout="https://x.org/"),
        Field("visit", "symptoms", "string", coding_name="symptom", is_multi_select=True, description="All, of any day"),
    ),
    title="Visits",
)  # fmt: skip
HOSPITAL = Entity(
    "hospital",
    (Field("hospital", "hospital_id", "integer", "local"), Field("hospital", "sex", "integer", coding_name="sex")),
)

DICTIONARY = DataDictionary(
    {"patient": PATIENT, "visit": VISIT, "hospital": HOSPITAL},
    {"sex": SEX, "site": SITE, "dose_missing": DOSE, "symptom": SYMPTOM},
)


def build_example(max_columns: int = 4) -> Dataset:
    """The example, whose patient entity has three parts where four columns are allowed."""
    return build_dataset("Trial", "A trial", "ds-trial", DICTIONARY, DATABASE, max_columns)
