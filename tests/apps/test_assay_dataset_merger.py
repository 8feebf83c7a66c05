"""The Assay Dataset Merger on a clinic, a VCF and an expression matrix: links by field and by file, and users' mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from dxpy.cli import dataset_utilities
from dxpy.cli.dataset_utilities import DXDatasetDescriptor

from common.errors import AppError
from common.faults import FaultError
from common.platform import RecordDraft
from tests.apps.assay_study import TO_PATIENTS, edges, merge_assay, read
from tests.apps.conftest import Runner
from tests.apps.dx_server import serving


@pytest.fixture
def merge(study: Runner, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`merge(name, source, target, linking=text, …)`, as `merge_assay` has them."""
    return partial(merge_assay, study, tmp_path)


def report(study: Runner) -> dict[str, Any]:
    return json.loads((study.job_dir / "report.json").read_text(encoding="utf-8"))


def linking_rows(study: Runner, name: str) -> list[tuple[str, str]]:
    return [(row["p_sample"], row["g_sample"]) for row in study.tables(name)["pheno_geno_sample_ids"]]


def database_files(study: Runner) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every file of every database."""
    files = (study.project / "databases").resolve().rglob("*.parquet")
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_equal_ids_link_an_assay_to_the_main_entity_and_no_file_is_touched(study: Runner, merge: Any) -> None:
    before = database_files(study)
    merged = merge("by_field", "variants")
    assert database_files(study) == before
    clinic, (assay,) = read(study, "clinic"), merged["assays"]
    (original,) = read(study, "variants")["assays"]
    assert (merged["model"], merged["join_info"], merged["schema"]) == (
        clinic["model"],
        clinic["join_info"],
        clinic["schema"],
    )
    assert {key: assay[key] for key in assay if key != "join_info"} == {
        key: original[key] for key in original if key != "join_info"
    }
    assert assay["join_info"][:-1] == original["join_info"]
    assert edges(assay)[-1] == ("patient.patient_id", "sample.sample_id", "one_to_one")
    assert [list(each) for each in merged["databases"]] == [["clinic_db"], ["variants_db"]]
    assert study.store.find_record("by_field").details["databases"] == merged["databases"]


def test_ids_of_both_sides_are_counted_shown_and_reported(study: Runner, merge: Any) -> None:
    merge("counted", "variants")
    assert report(study)["link"] == {
        "assay_entity": "sample", "assay_field": "sample_id", "pheno_entity": "patient", "pheno_field": "patient_id",
        "assay_entries_per_pheno": "one",
        "assay": {"ids": 4, "matched": 3, "unmatched": 1}, "target": {"ids": 4, "matched": 3, "unmatched": 1},
    }  # fmt: skip
    assert "assay   sample.sample_id      4        3          1" in study.shown
    merge("counted_by_file", linking=TO_PATIENTS)
    assert report(study)["link"]["assay"] == {"ids": 4, "matched": 3, "unmatched": 1}
    assert report(study)["link"]["target"] == {"ids": 4, "matched": 3, "unmatched": 1}
    counts = {
        key: report(study)["linking_file"][key]
        for key in ("pairs", "linked", "unknown_assay_ids", "unknown_target_ids")
    }
    assert counts == {"pairs": 5, "linked": 3, "unknown_assay_ids": 1, "unknown_target_ids": 1}
    assert "links.csv         5       3                 1                  1" in study.shown


def test_a_linking_file_becomes_a_table_of_the_pairs_that_link(study: Runner, merge: Any) -> None:
    before = database_files(study)
    merged = merge("by_file", linking=TO_PATIENTS)
    assert linking_rows(study, "by_file") == [("P1", "R1"), ("P2", "R2"), ("P3", "R3")]
    after = database_files(study)
    assert {path: after[path] for path in before} == before
    assert all("/pheno_geno_sample_ids/" in path for path in after.keys() - before)
    (assay,) = merged["assays"]
    assert "pheno_geno_sample_ids" not in merged["model"]["entities"]
    assert list(assay["entities"]["pheno_geno_sample_ids"]["fields"]) == ["p_sample", "g_sample"]
    assert edges(assay)[-2:] == [
        ("patient.patient_id", "pheno_geno_sample_ids.p_sample", "one_to_one"),
        ("sample.sample_id", "pheno_geno_sample_ids.g_sample", "one_to_one"),
    ]
    assert [list(each) for each in merged["databases"]] == [["clinic_db"], ["rna_db"], ["by_file_links_db"]]


def test_samples_link_to_another_entity_by_its_number_in_any_spelling(study: Runner, merge: Any) -> None:
    pairs = "sample,encounter,when\nR1, 07,a\nR2,8,b\nR3,+9,c\nR4,ten,d\n"
    merged = merge("encounters", linking=pairs, pheno_entity_name="encounter", linking_database_name="rna_links")
    assert linking_rows(study, "encounters") == [("7", "R1"), ("8", "R2"), ("9", "R3")]
    assert edges(merged["assays"][0])[-2][0] == "encounter.encounter_id"
    assert [next(iter(each)) for each in merged["databases"]] == ["clinic_db", "rna_db", "rna_links"]


@pytest.mark.parametrize("text", [
    "patient_id,sample_id\nP1,R1\n", "note,patient_id,sample_id\n,P1,R1\n", "PATIENT_ID,tube\nP1,R1\n", "tube,who\nR1,P1\n",
    "tube\twho\nR1\tP1\n", '\ufeff"sample_id","patient_id"\r\n"R1","P1"\r\n',
])  # fmt: skip
def test_linking_columns_are_found_by_name_else_by_place(study: Runner, merge: Any, text: str) -> None:
    name = f"columns_{abs(hash(text))}"
    merge(name, linking=text)
    assert linking_rows(study, name) == [("P1", "R1")]


def test_a_field_of_measurements_stands_for_the_key_that_it_refers_to(merge: Any) -> None:
    named = {"assay_sample_id_entity_name": "expression", "assay_sample_id_field_name": "sample_id"}
    merged = merge("measured", linking=TO_PATIENTS, **named)
    assert edges(merged["assays"][0])[-1] == ("sample.sample_id", "pheno_geno_sample_ids.g_sample", "one_to_one")
    named = {"assay_sample_id_entity_name": "genotype", "assay_sample_id_field_name": "sample_id"}
    assert edges(merge("genotyped", "variants", **named)["assays"][0])[-1][:2] == (
        "patient.patient_id",
        "sample.sample_id",
    )


def test_many_samples_of_one_participant_need_to_be_allowed(study: Runner, merge: Any) -> None:
    pairs = "sample_id,patient_id\nR1,P1\nR2,P1\nR3,P2\nR3,P3\n"
    faults = refused(study, merge, linking=pairs)
    assert faults == [(311, "links.csv", 3, "P1"), (311, "links.csv", 5, "R3")]
    merged = merge("many", linking=pairs, assay_entries_per_pheno="many")
    assert linking_rows(study, "many") == [("P1", "R1"), ("P1", "R2"), ("P2", "R3"), ("P3", "R3")]
    assert {each[2] for each in edges(merged["assays"][0])[-2:]} == {"many_to_one"}
    assert "assay ids that are linked to several ids of patient.patient_id: 1" in study.shown


def test_a_participant_is_linked_once_if_only_one_of_the_samples_is_in_the_assay(study: Runner, merge: Any) -> None:
    merge("other_tubes", linking="sample_id,patient_id\nR1,P1\nDNA1,P1\nR2,P2\nR2,P77\n")
    assert linking_rows(study, "other_tubes") == [("P1", "R1"), ("P2", "R2")]


def test_assays_of_one_model_and_of_others_live_side_by_side_under_names_of_their_own(
    study: Runner, merge: Any
) -> None:
    merge("first", linking=TO_PATIENTS)
    merge("second", target="first", linking=TO_PATIENTS, rename_assay="liver again")
    merged = merge("third", "variants", "second")
    assert [each["name"] for each in merged["assays"]] == ["liver", "liver again", "exome"]
    (liver,), (exome,) = read(study, "rna")["assays"], read(study, "variants")["assays"]
    uuids = [each["uuid"] for each in merged["assays"]]
    assert (uuids[0], uuids[2]) == (liver["uuid"], exome["uuid"])
    assert len(set(uuids)) == 3
    assert merged["assays"][1]["title"] == "liver again"


def test_an_assay_of_a_merged_dataset_leaves_its_old_link_behind(study: Runner, merge: Any) -> None:
    merge("old", "variants", merge("old_rna", linking=TO_PATIENTS)["name"])
    with pytest.raises(FaultError) as caught:
        merge("no", "old", "lab")
    assert [(f.code, f.remedy) for f in caught.value.faults] == [(320, "Name one of liver, exome in assay_name.")]
    merged = merge("new", "old", "lab", linking="sample_id,donor_id\nR1,P3\n", assay_name="liver")
    (assay,) = merged["assays"]
    assert edges(assay) == [
        ("expr_annotation.feature_id", "expression.feature_id", "many_to_one"),
        ("sample.sample_id", "expression.sample_id", "many_to_one"),
        ("donor.donor_id", "pheno_geno_sample_ids.p_sample", "one_to_one"),
        ("sample.sample_id", "pheno_geno_sample_ids.g_sample", "one_to_one"),
    ]
    assert "clinic_db" not in json.dumps(merged)
    assert [list(each) for each in merged["databases"]] == [["lab_db"], ["rna_db"], ["new_links_db"]]
    direct = merge("direct", "old", "lab", assay_name="exome")
    assert edges(direct["assays"][0])[-1] == ("donor.donor_id", "sample.sample_id", "one_to_one")


def published(study: Runner) -> list[str]:
    """The ids of all objects but the runs themselves."""
    return [each["id"] for each in study.store.find_objects() if each["class"] != "job"]


def refused(study: Runner, merge: Any, **given: Any) -> list[tuple[int, str, int | None, str | None]]:
    """Code, file, line and value of every fault; nothing may have been published."""
    before = (published(study), database_files(study))
    with pytest.raises(FaultError) as caught:
        merge("refused", **given)
    assert (published(study), database_files(study)) == before
    return [(fault.code, fault.file, fault.line, fault.value) for fault in caught.value.faults]


@pytest.mark.parametrize(("given", "faults"), [
    ({"pheno_entity_name": "pateint"}, [(301, "pateint")]),
    ({"pheno_sample_id_field_name": "id"}, [(301, "id")]),
    ({"assay_sample_id_entity_name": "samples"}, [(301, "samples")]),
    ({"assay_sample_id_entity_name": "expression"}, [(301, None)]),
    ({"pheno_entity_name": "encounter"}, [(302, None)]),
    ({"pheno_sample_id_field_name": "born", "linking": TO_PATIENTS}, [(302, None)]),
    ({"source": "variants", "pheno_entity_name": "encounter", "pheno_sample_id_field_name": "patient_id"}, [(303, None)]),
    ({"linking": TO_PATIENTS, "pheno_entity_name": "encounter", "pheno_sample_id_field_name": "patient_id"}, [(303, None)]),
    ({}, [(310, None)]),
    ({"linking": "patient,sample\nP1,R1\nP2,R2\n"}, [(310, None)]),
    ({"source": "lab"}, [(320, None)]),
    ({"assay_name": "livre"}, [(320, "livre")]),
    ({"rename_assay": " "}, [(84, " ")]),
])  # fmt: skip
def test_what_cannot_be_linked_is_refused(study: Runner, merge: Any, given: dict[str, Any], faults: Any) -> None:
    assert [(code, value) for code, _, _, value in refused(study, merge, **given)] == faults


def test_ids_of_two_types_are_linked_by_a_file_as_the_remedy_says(study: Runner, merge: Any) -> None:
    with pytest.raises(FaultError) as caught:
        merge("no", pheno_entity_name="encounter")
    assert [(f.code, "linking_file" in f.remedy) for f in caught.value.faults] == [(302, True)]
    merge("typed", pheno_entity_name="encounter", linking="sample_id,encounter_id\nR1,7\n")
    assert linking_rows(study, "typed") == [("7", "R1")]


def test_misspelt_names_are_told_with_the_nearest(study: Runner, merge: Any) -> None:
    with pytest.raises(FaultError) as caught:
        merge("no", pheno_entity_name="pateint", assay_name="livr")
    assert [(f.code, f.field, f.remedy) for f in caught.value.faults] == [
        (301, "pheno_entity_name", "Did you mean patient?"), (320, "assay_name", "Did you mean liver?"),
    ]  # fmt: skip


def test_a_name_that_the_target_has_is_refused_unless_the_assay_is_renamed(study: Runner, merge: Any) -> None:
    merge("taken", linking=TO_PATIENTS)
    given = {"target": "taken", "linking": TO_PATIENTS}
    assert refused(study, merge, **given) == [(321, "", None, "liver")]
    assert refused(study, merge, **given, rename_assay="liver") == [(321, "", None, "liver")]


@pytest.mark.parametrize(("text", "faults"), [
    ("sample_id\nR1\n", [(1, None)]),
    ("", [(None, None)]),
    ("sample_id,patient_id\nR1,P1\nR2,P2\nR1,P1\nR1 ,P1\n", [(5, "R1, P1")]),
    ("sample_id,patient_id\nR1,\n,P1\nR2,P2\n,\n", [(2, None), (3, None)]),
    ("sample_id;patient_id\nR1;\n;;\n", [(2, None)]),
    ("sample_id,patient_id\nR1,P1\nsample_id,patient_id\n", [(3, "sample_id, patient_id")]),
    ("sample_id,patient_id\nR1,P1\n".encode("utf-16"), [(None, None)]),
    ("sample_id,patient_id\nR1,P1\nR2\nR3,P3,x\n", [(3, "R2"), (4, "R3,P3,x")]),
    (b"sample_id,patient_id\nR1,P\xff\n", [(2, "R1,P\ufffd")]),
    ('sample_id,patient_id\nR1,"P1\nR2,P2\n', [(2, 'R1,"P1')]),
    ("R3,P3\nR1,P1\nR2,P2\n", [(1, None)]),
    ("R9,P3\nR1,P1\n", [(1, None)]),
])  # fmt: skip
def test_a_faulty_linking_file_is_refused_with_every_line(study: Runner, merge: Any, text: Any, faults: Any) -> None:
    found = refused(study, merge, linking=text)
    assert found == [(322, "links.csv", line, value) for line, value in faults]


def test_a_descriptor_that_is_none_is_refused(study: Runner, merge: Any) -> None:
    staging = study.store.stage(None)
    staging.publish([], RecordDraft("broken", {"model": {}}, "ds", []), {})
    staging.close()
    with pytest.raises(AppError) as caught:
        merge("no", target="broken")
    assert caught.value.code == 300


def test_the_client_reads_the_merged_descriptor_as_it_does_the_targets(
    study: Runner, whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dictionaries(name: str) -> list[str]:
        record = study.store.find_record(name)
        with study.store.file_path(record.details["descriptor"]["$dnanexus_link"]).open("rb") as file:
            dictionary = DXDatasetDescriptor(file, schema=record.details["schema"]).get_dictionary()
        paths = [tmp_path / f"{name}.{each}.csv" for each in ("data", "entities", "codings")]
        dictionary.write(*map(str, paths))
        return [path.read_text(encoding="utf-8") for path in paths if path.exists()]

    monkeypatch.setattr(dataset_utilities, "pd", pd, raising=False)  # the module imports pandas in its command only
    assert dictionaries("whole") == dictionaries("clinic")
    for key in ("name", "uuid", "generalized_assay_model"):
        assert all(each[key] for each in whole["assays"])


def test_dx_lists_the_assays_and_entities_of_the_whole(study: Runner, whole: dict[str, Any], tmp_path: Path) -> None:
    with serving(study.project, tmp_path) as dx:
        assert dx("extract_assay", "germline", "whole", "--list-assays") == "exome\n"
        assert dx("extract_assay", "expression", "whole", "--list-assays") == "liver\n"
        assert dx("extract_dataset", "whole", "--list-entities") == dx("extract_dataset", "clinic", "--list-entities")


def test_inputs_that_have_no_effect_are_told(study: Runner, merge: Any) -> None:
    merge("told", "variants", linking_database_name="links", dashboard_template="My Board")
    assert report(study)["warnings"] == [
        "linking_database_name is not used: without linking_file no linking table is written",
        "dashboard_template My Board is not used: no dashboard is built",
    ]


def test_the_order_of_mergers_does_not_matter(study: Runner, merge: Any) -> None:
    study(
        "clinical_dataset_merger", source_dataset="lab", target_dataset="clinic", output_dataset_name="clinical_first"
    )
    merge("clinical_then_assay", target="clinical_first", linking=TO_PATIENTS, linking_database_name="links")
    merge("assay_first", linking=TO_PATIENTS, linking_database_name="links")
    study(
        "clinical_dataset_merger",
        source_dataset="lab",
        target_dataset="assay_first",
        output_dataset_name="assay_then_clinical",
    )
    one, other = (
        re.sub(r"database[-_]\w{24}", "<id>", json.dumps(read(study, name)).replace(name, "<name>"))
        for name in ("clinical_then_assay", "assay_then_clinical")
    )
    assert one == other
    assert study.tables("clinical_then_assay") == study.tables("assay_then_clinical")


def test_parts_of_the_linking_table_are_plain_parquet_of_text(study: Runner, whole: dict[str, Any]) -> None:
    database = next(each for each in study.store.databases() if each.name == "half_links_db")
    files = study.store.table_files(database, "pheno_geno_sample_ids")
    assert [(each.name, str(each.type)) for each in pq.read_schema(files[0])] == [
        ("p_sample", "string"),
        ("g_sample", "string"),
    ]
