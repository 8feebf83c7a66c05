"""The start of the tests of merged assays: a clinic, a laboratory, a VCF and an expression matrix, loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.spark.session import Cluster
from tests.apps.conftest import Runner

APP = "assay_dataset_merger"
DICTIONARY = """entity,name,type,primary_key_type,referenced_entity_field,relationship
patient,patient_id,string,global,,
patient,sex,string,,,
patient,born,date,,,
patient,number,integer,,,
encounter,encounter_id,integer,local,,
encounter,patient_id,string,,patient:patient_id,many_to_one
encounter,diagnosis,string,,,
"""
PATIENTS = "patient_id,sex,born,number\nP1,F,1960-01-01,1\nP2,M,1970-01-01,2\nP3,F,1980-01-01,3\nP4,M,1990-01-01,4\n"
ENCOUNTERS = "encounter_id,patient_id,diagnosis\n7,P1,C50\n8,P1,I10\n9,P2,C50\n10,P3,I10\n"
LAB_DICTIONARY = """entity,name,type,primary_key_type,referenced_entity_field,relationship
donor,donor_id,string,global,,
donor,smokes,string,,,
"""
DONORS = "donor_id,smokes\nP1,no\nP3,yes\n"
VCF = """##fileformat=VCFv4.2
##contig=<ID=chr1>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP1\tP2\tP3\tP9
chr1\t100\trs1\tA\tC\t50\tPASS\t.\tGT\t0/1\t1/1\t0/0\t0/1
chr1\t200\t.\tG\tT\t50\tPASS\t.\tGT\t0/0\t0/0\t0/1\t0/0
"""
MATRIX = "feature_id,R1,R2,R3,R4\nENSG00000000001,10,20,30,40\nENSG00000000002,1,2,3,4\n"
TO_PATIENTS = "sample_id,patient_id\nR1,P1\nR2,P2\nR3,P3\nR8,P4\nR4,P7\n"


def build_study(cluster: Cluster, folder: Path) -> Runner:
    """A project with the Datasets `clinic` and `lab` (no assay), `variants` (samples P1, P2, P3, P9) and `rna` (R1 to R4)."""
    runner = Runner(cluster, folder / "project", folder / "jobs")
    files = {"dictionary.csv": DICTIONARY, "patient.csv": PATIENTS, "encounter.csv": ENCOUNTERS, "calls.vcf": VCF,
             "lab.csv": LAB_DICTIONARY, "donor.csv": DONORS, "matrix.csv": MATRIX}  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    path = {name: str(folder / name) for name in files}
    runner("data_model_loader", data_dictionary=path["dictionary.csv"], output_dataset_name="clinic",
           data_files=[path["patient.csv"], path["encounter.csv"]])  # fmt: skip
    runner(
        "data_model_loader", data_dictionary=path["lab.csv"], output_dataset_name="lab", data_files=[path["donor.csv"]]
    )
    runner(
        "genetic_variant_assay_loader",
        vcf_files=[path["calls.vcf"]],
        output_dataset_name="variants",
        assay_name="exome",
    )
    runner("molecular_expression_assay_loader", source_expression_data=[path["matrix.csv"]], feature_value_type="tpm",
           reference_genome="GRCh38", assay_name="liver", output_dataset_name="rna")  # fmt: skip
    return runner


def merge_assay(
    study: Runner, folder: Path, name: str, source: str = "rna", target: str = "clinic", linking: str | bytes | None = None,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """The descriptor of the merged Dataset; `linking` is the text of a linking file."""
    if linking is not None:
        path = folder / "links.csv"
        path.write_bytes(linking if isinstance(linking, bytes) else linking.encode())
        more["linking_file"] = str(path)
    study(APP, source_dataset=source, target_dataset=target, output_dataset_name=name, **more)
    return read(study, name)


def read(study: Runner, name: str) -> dict[str, Any]:
    return study.store.read_descriptor(study.store.find_record(name))


def edges(assay: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Joins of an assay: the `table.column` referred to, the `table.column` that refers, and the relationship."""
    return [
        (*(each["joins"][0][end].split("$", 1)[1].replace("$", ".") for end in ("from", "to")), each["relationship"])
        for each in assay["join_info"]
    ]
