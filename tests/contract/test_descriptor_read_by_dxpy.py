"""dxpy's dataset classes read the published descriptor file and write the expected three dictionaries."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from dxpy.cli import dataset_utilities
from dxpy.cli.dataset_utilities import DXDatasetDescriptor, DXDatasetDictionary

from common.dataset.descriptor import write_descriptor
from common.dataset.model import Dataset
from common.platform import RecordDraft
from common.platform.local import LocalProject
from tests.unit.dataset.example_dataset import build_example

DATA_DICTIONARY = """\
entity,name,type,primary_key_type,coding_name,concept,description,folder_path,is_multi_select,is_sparse_coding,linkout,longitudinal_axis_type,referenced_entity_field,relationship,title,units
patient,sex,integer,,sex,,,Demographics > Basic,,,,,,,Sex,
patient,patient_id,string,global,,,,,,,,,,,Patient ID,
patient,hospital_id,integer,,,,,,,,,,hospital:hospital_id,many_to_one,hospital_id,
patient,site,string,,site,C25341,,,,,,,,,site,
patient,born,date,,,,,,,,,event,,,born,
visit,visit_id,integer,local,,,,,,,,,,,visit_id,
visit,patient_id,string,,,,,,,,,,patient:patient_id,many_to_one,patient_id,
visit,seen_at,datetime,,,,,,,,,,,,seen_at,
visit,dose,float,,dose_missing,,,,,yes,https://x.org/,,,,dose,mg
visit,symptoms,string,,symptom,,"All, of any day",,yes,,,,,,symptoms,
hospital,hospital_id,integer,local,,,,,,,,,,,hospital_id,
hospital,sex,integer,,sex,,,,,,,,,,sex,
"""

CODINGS = """\
coding_name,code,meaning,concept,display_order,parent_code
sex,2,Female,,1,
sex,1,Male,,2,
site,EU,Europe,,1,
site,FR,France,,2,EU
site,FR-75,Paris,,3,FR
site,DE,Germany,,4,EU
site,XX,Elsewhere,,5,
dose_missing,-1,Unknown,C17998,1,
dose_missing,-2,Refused,,2,
symptom,a,"Ache, any",,1,
symptom,b,"The ""b""\",,2,
"""

ENTITY_DICTIONARY = """\
entity,entity_title,entity_description,entity_label_plural,entity_label_singular
patient,Patients,Who takes part,Patients,Patient
visit,Visits,,,
hospital,hospital,,,
"""


def publish(root: Path, dataset: Dataset) -> Path:
    """The descriptor file of the dataset's record in a project."""
    project = LocalProject(root)
    staging = project.stage(None)
    record_id = staging.publish([], RecordDraft(dataset.name, write_descriptor(dataset), dataset.schema, []), {}).record
    staging.close()
    return project.file_path(project.describe(str(record_id))["details"]["descriptor"]["$dnanexus_link"])


def read_with_dxpy(path: Path, schema: str) -> DXDatasetDescriptor:
    # The class accepts any open file instead of a DXFile, so nothing in dxpy is patched.
    with path.open("rb") as file:
        return DXDatasetDescriptor(file, schema=schema)


@pytest.mark.parametrize("max_columns", [4, 400], ids=["split entities", "whole entities"])
def test_dxpy_writes_the_dictionaries_that_we_meant(
    tmp_path: Path, max_columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_utilities, "pd", pd, raising=False)  # the module imports pandas in its command only
    dataset = build_example(max_columns)
    descriptor = read_with_dxpy(publish(tmp_path / "project", dataset), dataset.schema)
    dictionary = descriptor.get_dictionary()
    assert isinstance(dictionary, DXDatasetDictionary)
    data, entities, codings = (tmp_path / name for name in ("data.csv", "entities.csv", "codings.csv"))
    dictionary.write(str(data), str(entities), str(codings))
    assert data.read_text() == DATA_DICTIONARY
    assert codings.read_text() == CODINGS
    assert entities.read_text() == ENTITY_DICTIONARY


def test_dxpy_finds_every_part_of_the_descriptor(tmp_path: Path) -> None:
    descriptor = read_with_dxpy(publish(tmp_path / "project", build_example()), "ds-trial")
    assert (descriptor.name, descriptor.version, descriptor.schema) == ("Trial", "3.0", "ds-trial")
    assert descriptor.assays == []
    assert len(descriptor.join_info) == 4
