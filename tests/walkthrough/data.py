"""The walkthrough's data: a made-up study of cholesterol, written the same each time. `python -m tests.walkthrough.data` writes it.

People, visits, values and most genes are invented; the five genes of `GENES` stand where GRCh38 has them. What the closing
questions find was put in: carriers of a variant that breaks LDLR have the diagnosis more often, more LDL cholesterol, and less
expression of LDLR; women have more expression of it than men.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "resources" / "examples"
PARTICIPANTS = 48
GENES = (
    ("ENSG00000130164", "LDLR", "19", 11089463, 11133820, "+"), ("ENSG00000169174", "PCSK9", "1", 55039447, 55064852, "+"),
    ("ENSG00000084674", "APOB", "2", 21001429, 21044073, "-"), ("ENSG00000130203", "APOE", "19", 44905791, 44909393, "+"),
    ("ENSG00000113161", "HMGCR", "5", 75336329, 75362104, "+"),
)  # fmt: skip
MADE_UP_GENES = 295
SITES = {"LDLR": 30, "PCSK9": 20, "APOE": 10}
ANN = (
    "Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID | Transcript_BioType | Rank"
    " | HGVS.c | HGVS.p | cDNA.pos / cDNA.length | CDS.pos / CDS.length | AA.pos / AA.length | Distance | ERRORS / WARNINGS / INFO"
)
"""Fields of an annotation, as SnpEff names them; the first five are filled."""

BREAKING = ("19", 11105560, "G", "A")

DICTIONARY_HEADER = "entity,name,type,primary_key_type,coding_name,folder_path,is_multi_select,referenced_entity_field,relationship,title,units"
STUDY_FIELDS = """\
participant,participant_id,string,global,,Person,,,,Participant ID,
participant,sex,integer,,sex,Person,,,,Sex,
participant,birth_year,integer,,,Person,,,,Year of birth,
participant,region,string,,region,Person,,,,Region of residence,
participant,bmi,float,,,Person > Measured,,,,Body mass index,kg/m2
encounter,encounter_id,integer,local,,Visit,,,,Encounter ID,
encounter,participant_id,string,,,Visit,,participant:participant_id,many_to_one,Participant,
encounter,date,date,,,Visit,,,,Date,
encounter,kind,string,,kind,Visit,,,,Kind of encounter,
encounter,diagnoses,string,,diagnosis,Visit,yes,,,Diagnoses,
"""
STUDY_CODINGS = """\
coding_name,code,meaning,display_order,parent_code
sex,1,Female,1,
sex,2,Male,2,
region,N,North,1,
region,N1,Coast,2,N
region,N2,Hills,3,N
region,S,South,4,
kind,visit,Visit,1,
kind,biopsy,Liver biopsy,2,
diagnosis,E78,Disorders of lipoprotein metabolism,1,
diagnosis,E78.0,Pure hypercholesterolaemia,2,E78
diagnosis,E78.01,Familial hypercholesterolaemia,3,E78.0
diagnosis,E78.5,"Hyperlipidaemia, unspecified",4,E78
diagnosis,I10,Essential hypertension,5,
diagnosis,I25,Chronic ischaemic heart disease,6,
"""
LAB_FIELDS = """\
donor,donor_id,string,global,,Donor,,,,Donor ID,
donor,consent,string,,,Donor,,,,Consent,
lipid_panel,panel_id,integer,local,,Lipids,,,,Panel ID,
lipid_panel,donor_id,string,,,Lipids,,donor:donor_id,many_to_one,Donor,
lipid_panel,taken,datetime,,,Lipids,,,,Taken at,
lipid_panel,ldl,float,,,Lipids,,,,LDL cholesterol,mmol/L
lipid_panel,hdl,float,,,Lipids,,,,HDL cholesterol,mmol/L
"""


class Study:
    """Random draws that several files share: people by number, their sex, who carries the variant, who is ill."""

    def __init__(self) -> None:
        self.draw = Random(20)
        self.people = [f"P{number:03d}" for number in range(1, PARTICIPANTS + 1)]
        self.sex = {each: 1 + (self.draw.random() < 0.5) for each in self.people}
        self.carriers = {each for each in self.people if self.draw.random() < 0.2}
        self.ill = {each for each in self.people if self.draw.random() < (0.8 if each in self.carriers else 0.15)}
        self.biopsies: dict[str, int] = {}

    def near(self, mean: float, spread: float) -> float:
        """A random value around a mean: the sum of three uniform ones, so at most 1.5 spreads away."""
        return mean + spread * (sum(self.draw.random() for _ in range(3)) - 1.5)

    def one_of(self, choices: str) -> str:
        """One of the words of a text."""
        words = choices.split()
        return words[int(self.draw.random() * len(words))]


def write_all(folder: Path) -> None:
    """Writes every file of the walkthrough below a folder."""
    study = Study()
    texts = {
        "study/data_dictionary.csv": DICTIONARY_HEADER + "\n" + STUDY_FIELDS,
        "study/codings.csv": STUDY_CODINGS,
        "study/participant.csv": _lines("participant_id,sex,birth_year,region,bmi", _participants(study)),
        "study/encounter.csv": _lines("encounter_id,participant_id,date,kind,diagnoses", _encounters(study)),
        "risk.csv": _lines("participant_id,risk_score,risk_group", _risks(study)),
        "lab/data_dictionary.csv": DICTIONARY_HEADER + "\n" + LAB_FIELDS,
        "lab/donor.csv": _lines("donor_id,consent", _donors(study)),
        "lab/lipid_panel.csv": _lines("panel_id,donor_id,taken,ldl,hdl", _panels(study)),
        "rna/genes.tsv": _lines("feature_id\tgene_name\tCHROM\tstart\tend\tstrand", _genes()),
        "rna/tpm.csv": _lines(",".join(["gene_id", *_tubes("RNA", len(study.biopsies))]), _expression(study)),
        "rna/samples.csv": _lines("sample_id,encounter_id", _rna_links(study)),
        "dna/samples.csv": _lines("sample_id,participant_id", _dna_links(study)),
        **{f"dna/chr{chrom}.vcf": _vcf(study, chrom) for chrom in ("1", "19")},
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _lines(header: str, rows: Iterable[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def _participants(study: Study) -> Iterable[str]:
    for each in study.people:
        year, bmi = int(study.near(1965, 25)), study.near(27, 6)
        yield f"{each},{study.sex[each]},{year},{study.one_of('N N1 N1 N2 S S')},{bmi:.1f}"


def _encounters(study: Study) -> Iterable[str]:
    number = 1000
    for each in study.people:
        visits = 1 + int(study.draw.random() * 3)
        for visit in range(visits):
            number += 1
            kind = "biopsy" if visit == visits - 1 and study.draw.random() < 0.75 else "visit"
            if kind == "biopsy":
                study.biopsies[each] = number
            codes = ["E78.01"] if each in study.ill and visit == 0 else []
            codes += [
                code for code, chance in (("I10", 0.3), ("E78.5", 0.1), ("I25", 0.1)) if study.draw.random() < chance
            ]
            date = f"20{21 + visit}-{1 + int(study.draw.random() * 12):02d}-{1 + int(study.draw.random() * 28):02d}"
            yield f"{number},{each},{date},{kind},{'|'.join(codes)}"


def _risks(study: Study) -> Iterable[str]:
    for each in study.people[:-3]:
        score = study.near(0.6 if each in study.ill else 0.35, 0.4)
        yield f"{each},{score:.3f},{'high' if score > 0.55 else 'medium' if score > 0.35 else 'low'}"


def _donors(study: Study) -> Iterable[str]:
    for each in [*study.people[4:], "P901", "P902"]:
        yield f"{each},{study.one_of('full full research')}"


def _panels(study: Study) -> Iterable[str]:
    number = 0
    for each in study.people[4:]:
        for month in range(1, 2 + int(study.draw.random() * 2)):
            number += 1
            ldl = study.near(3.0, 1.0) + 2.2 * (each in study.carriers)
            yield f"{number},{each},2022-{month:02d}-15 08:{int(study.draw.random() * 60):02d}:00,{ldl:.2f},{study.near(1.4, 0.5):.2f}"


def _genes() -> Iterable[str]:
    for gene in GENES:
        yield "\t".join(map(str, gene))
    for number in range(1, MADE_UP_GENES + 1):
        start = 1_000_000 + 350_000 * number
        chrom, strand = 3 + number % 2, "+-"[number % 3 == 0]
        yield f"ENSG{90_000_000_000 + number}\tMADEUP{number}\t{chrom}\t{start}\t{start + 5000 + 40 * number}\t{strand}"


def _tubes(kind: str, count: int) -> list[str]:
    return [f"{kind}{number:03d}" for number in range(1, count + 1)]


def _expression(study: Study) -> Iterable[str]:
    people = list(study.biopsies)
    for feature, name, *_ in GENES:
        base = dict.fromkeys(people, 20.0)
        if name == "LDLR":
            base = {each: 30.0 - 6 * (study.sex[each] == 2) - 12 * (each in study.carriers) for each in people}
        yield ",".join([feature, *(f"{study.near(base[each], 4):.2f}" for each in people)])
    for number in range(1, MADE_UP_GENES + 1):
        level = study.draw.random() ** 4 * 200
        cells = (f"{max(study.near(level, level / 2), 0):.2f}" for _ in people)
        yield ",".join([f"ENSG{90_000_000_000 + number}", *cells])


def _rna_links(study: Study) -> Iterable[str]:
    """A pair for each tube, and two pairs for lost tubes."""
    encounters = list(study.biopsies.values())
    for tube, encounter in zip(_tubes("RNA", len(encounters)), encounters, strict=True):
        yield f"{tube},{encounter}"
    yield "RNA901,1001"
    yield "RNA902,1002"


def _dna_links(study: Study) -> Iterable[str]:
    """The last two people gave no blood; the last tube is a control."""
    yield from (f"DNA{number:03d},{each}" for number, each in enumerate(study.people[:-2], start=1))


def _vcf(study: Study, chrom: str) -> str:
    """One piece of the VCF: the sites in the genes of a chromosome; chromosome 19 has the variant that breaks LDLR."""
    samples = _tubes("DNA", PARTICIPANTS - 1)
    header = (
        "##fileformat=VCFv4.2\n##reference=GRCh38\n##contig=<ID=chr1,length=248956422>\n##contig=<ID=chr19,length=58617616>\n"
        f'##INFO=<ID=ANN,Number=.,Type=String,Description="Functional annotations: {ANN!r}">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{chr(9).join(samples)}\n"
    )
    return header + "".join(_sites(study, chrom))


def _sites(study: Study, chrom: str) -> Iterable[str]:
    carriers = [each in study.carriers for each in [*study.people[:-2], ""]]
    sites = []
    for feature, name, on, start, end, _ in GENES:
        for number in range(SITES.get(name, 0) if on == chrom else 0):
            ref = study.one_of("A C G T")
            alt = study.one_of("A C G T".replace(ref, ""))
            position = start + (end - start) * (number + 1) // (SITES[name] + 2) + int(study.draw.random() * 20)
            share = study.draw.random() ** 2 / 2
            calls = [(study.draw.random() < share) + (study.draw.random() < share) for _ in carriers]
            sites.append((position, ref, alt, f"intron_variant|MODIFIER|{name}|{feature}", calls))
    if chrom == BREAKING[0]:
        feature, name = GENES[0][:2]
        sites.append((*BREAKING[1:], f"stop_gained|HIGH|{name}|{feature}", [int(each) for each in carriers]))
    for number, (position, ref, alt, effect, calls) in enumerate(sorted(sites), start=1):
        cells = (_call(study, copies) for copies in calls)
        fixed = f"chr{chrom}\t{position}\trs9{chrom}{number:04d}\t{ref}\t{alt}\t99\tPASS"
        yield f"{fixed}\tANN={alt}|{effect}{'|' * 11}\tGT:DP\t" + "\t".join(cells) + "\n"


def _call(study: Study, copies: int) -> str:
    """A genotype with its depth; one in a hundred could not be called."""
    depth = 18 + int(study.draw.random() * 30)
    return f"{('0/0', '0/1', '1/1')[copies]}:{depth}" if copies or study.draw.random() > 0.01 else "./.:2"


if __name__ == "__main__":
    write_all(FOLDER)
