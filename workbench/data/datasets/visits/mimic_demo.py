"""MIMIC-III demo: 122 hospital stays of 94 patients with diagnoses, procedures, medications and their interactions.

It is tiny: 14 patients have a second stay, and one of them 15 of the 129 stays. It serves to try mechanisms out, not to
claim anything about patients. The full MIMIC-III is credentialed and never part of this.
"""
import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error, read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import ITEM, TIME, USER, Dataset, assemble
from workbench.data.visits import icd9
from workbench.data.visits.attach import CODE, KIND, LEVEL, NAME, OTHER, TEXT, VISIT, with_visits
from workbench.errors import UserError

PYHEALTH = (
    "https://raw.githubusercontent.com/sunlabuiuc/PyHealth/0a75f99dba1fb96d6d9876790edecf252fd0d2f4/"
    "test-resources/core/mimic3demo/"
)
SHA256 = {
    "ADMISSIONS": "c05b5177b8745201f5d2ed944a463216f56ee40ab76fc42e8252f4ecd2c3bfad",
    "PATIENTS": "74f740a9f3c677a3060c5428c24e61c37683848cbb7d5bd7f4151d6e8eabb469",
    "DIAGNOSES_ICD": "538b25bd9698e8f0d5141065fe9665bafe78b41830fae47df1fb3dcc5ca4f168",
    "PROCEDURES_ICD": "573bcfcc419bdb67f869ed988b6463700a9e7c19fe6141a7786d32211b8ee5f6",
    "PRESCRIPTIONS": "18c6d0f2ace9d572fd377d1171d4b4174499f9cce899f529c276277c190a6702",
}
FILES = {name: File(f"{name}.csv.gz", f"{PYHEALTH}{name}.csv.gz", digest) for name, digest in SHA256.items()}
DRUGS = File("derived_demo_drug_to_atc_ddinter.tsv", None,
             "4956bc93e9b5ca62c57c8a87fa4a7db8c59b05b44282377244727c621d919d82")  # fmt: skip
PAIRS = File("derived_ddi_demo_drugs.tsv", None, "39e90520126b9025e037fac085a66d164b3488b840d1f4d92f64b5f1ff78ebb3")
ATC = File("WHO ATC-DDD 2026-04-25.csv", "https://raw.githubusercontent.com/fabkury/atcd/"
           "1e92aec7c52c7e324080416294bb8e68cf686685/WHO%20ATC-DDD%202026-04-25.csv",
           "2c5caa215d05c71834cfda0d3782d17e22704d9565cdd012bd00e567e546ac0d")  # fmt: skip
ATC_COPY = File("WHO_ATC-DDD_2026-04-25.csv", None, ATC.sha256)
ABOUT = {
    "title": "MIMIC-III clinical database demo, with ATC codes and drug interactions",
    "homepage": "https://physionet.org/content/mimiciii-demo/1.4/",
    "terms": "Demo: Open Database License (confirm before publishing). ATC names and DDInter 2.0: CC BY-NC-SA 4.0. The "
             "full MIMIC-III is credentialed: nothing of it may be mixed in.",
    "citation": "Johnson et al., MIMIC-III, a freely accessible critical care database, Scientific Data 3, 2016; Xiong "
                "et al., DDInter, Nucleic Acids Research 50, 2022",
    "release": "PyHealth test resources; DDInter 2.0; WHO ATC 2026-04-25",
}  # fmt: skip
BROUGHT = {
    "works": "The demo is read with ATC codes and interactions of its drugs: two tables, which join them, are brought.",
    "sample": "", "systems": ("leader",),
    "stand_ins": {"beauty-baskets": "baskets of a public log", "synthetic-visits": "an invented world of visits"},
    "lacks": "The full MIMIC-III, which is credentialed. An address of the two tables.",
}  # fmt: skip
LENGTHS = {1: 1, 2: 3, 3: 4, 4: 5, 5: 7}  # characters of an ATC code by level
ROUTES = {  # routes of the demo -> routes of administration of the ATC/DDD index
    **dict.fromkeys(("PO", "PO/NG", "NG", "ORAL", "OG", "J TUBE", "VG"), "O"),
    **dict.fromkeys(("IV", "IV DRIP", "IV BOLUS", "IVPCA", "SC", "SUBCUT", "IM", "IT", "ID", "DIALYS"), "P"),
    "PR": "R", "NU": "N", "SL": "SL", "TD": "TD", "IH": "Inhal", "NEB": "Inhal",
}  # fmt: skip
EYES = {"BOTH EYES", "OU", "OD", "OS", "RIGHT EYE", "LEFT EYE"}  # ATC class S; TP, on the skin, is class D
AGES = (18, 45, 60, 70, 80, 90)  # years at which a band begins
LEVELS = ("Unknown", "Minor", "Moderate", "Major")  # of an interaction
NOTES = [
    "tiny: 14 patients have a second stay, one of them 15 stays; only mechanisms can be shown",
    "diagnoses and procedures are coded at discharge; as in the papers on this task they count as known",
    "drugs are matched to ATC by name (78 % of the rows; most others are diluents); of several codes the first that "
    "fits the route is taken",
    "DDInter has no files of the ATC classes C, G, J, M, N and S: a pair that is not listed is not thereby safe; pairs "
    "of level Unknown are left out",
    "two classes conflict if any two of their drugs that were given do: a rate over classes is above one over drugs",
    "dates are shifted by patient, so only their order within a patient means anything; ages above 89 are hidden",
    "ICD-9 names are those of sections, as names of codes are not in the data",
]


def load(*, atc: int = 3, icd: int = 3) -> Dataset:
    """MIMIC-III demo. An event is a medication (ATC) of a stay, at the time of the admission; column visit: the stay.

    atc: level of the medications, 5 is a substance. icd: 3 for categories of diagnoses and procedures, 5 for whole
    codes. Table visits: age band, gender and type of admission, and the words of the admission; visit_codes: kinds
    diagnosis and procedure; conflicts: interactions. Drugs of type BASE, what others are dissolved in, are left out.
    UserError for another level.
    """
    if atc not in LENGTHS or icd not in (3, 5):
        raise UserError(f"mimic-demo: {atc=} is a level of ATC, 1 to 5, and {icd=} is 3 or 5")
    files = DataFiles("mimic-demo", "mimic3_demo", "medication_maps")
    names = next((file for file in (ATC_COPY, ATC) if files.find(file)), ATC)
    files.require(*FILES.values(), DRUGS, PAIRS, names)
    stays, codes = _stays(files), _codes(files, icd)
    given, read, dropped = _given(files, names, atc)
    table = given.drop_duplicates(["hadm_id", "label"]).merge(stays[["hadm_id", TIME]], on="hadm_id")
    events = pd.DataFrame({USER: table["subject_id"], ITEM: table["label"], TIME: table[TIME],
                           VISIT: table["hadm_id"].astype("int64")})  # fmt: skip
    patients = read_table(files.read(FILES["PATIENTS"]), {"subject_id": "id"}, separator=",", quote='"').to_pandas()
    nobody = int((~patients["subject_id"].isin(events[USER])).sum())
    dropped |= {"patients without a visit that has a set": nobody} if nobody else {}
    about = {**ABOUT, "files": files.checksums, "read": read, "dropped": dropped, "notes": NOTES}
    items = _names(files, names, atc)
    dataset = assemble("mimic-demo", events, items=items, order="time", about=about)
    columns = {"subject_id": USER, "hadm_id": VISIT}
    visits = stays.rename(columns=columns).astype({VISIT: "int64"})
    return with_visits(dataset, visits, codes, _interactions(files, given))


def _read(files: DataFiles, name: str, columns: dict[str, str]) -> pd.DataFrame:
    return read_table(files.read(FILES[name]), columns, separator=",", quote='"').to_pandas()


def _stays(files: DataFiles) -> pd.DataFrame:
    """subject_id, hadm_id, timestamp, age, gender, admission, text of every stay. UserError for a date that is none, or
    a patient who is not in the table of patients."""
    columns = dict.fromkeys(("subject_id", "hadm_id", "admittime"), "id") | {"admission_type": "text",
                                                                             "diagnosis": "text"}  # fmt: skip
    stays = _read(files, "ADMISSIONS", columns)
    people = _read(files, "PATIENTS", {"subject_id": "id", "gender": "text", "dob": "id"})
    stays = stays.merge(people.drop_duplicates("subject_id"), on="subject_id", how="left")
    if stays["dob"].isna().any():
        lost = stays["subject_id"][stays["dob"].isna()].iloc[0]
        raise UserError(f"mimic-demo: patient {lost} of ADMISSIONS is not in PATIENTS; get fresh copies of both",
                        code=3)  # fmt: skip
    years = []
    for name in ("admittime", "dob"):
        parsed = pd.to_datetime(stays[name], format="%Y-%m-%d %H:%M:%S", errors="coerce")
        if parsed.isna().any():
            raise UserError(f"mimic-demo: {name} {stays[name][parsed.isna()].iloc[0]!r} is no date and time", code=3)
        years.append(parsed)
    # of people above 89 the date of birth is moved by 300 years, more than 64-bit nanoseconds can be apart
    admitted, born = ((each.dt.year * 12 + each.dt.month) * 31 + each.dt.day for each in years)
    age = np.clip((admitted - born) // (12 * 31), 0, None)
    band = np.searchsorted(AGES, age, "right")
    labels = np.array(["under 18", *(f"{a} to {b - 1}" for a, b in zip(AGES, AGES[1:])), "90 and above"], object)
    return pd.DataFrame({
        "subject_id": stays["subject_id"], "hadm_id": stays["hadm_id"],
        TIME: years[0].astype("datetime64[s]").astype("int64"), "age": [f"age {text}" for text in labels[band]],
        "gender": stays["gender"].map({"F": "female", "M": "male"}),
        "admission": stays["admission_type"].str.lower(), TEXT: stays["diagnosis"].fillna("").str.lower(),
    })  # fmt: skip


def _codes(files: DataFiles, icd: int) -> pd.DataFrame:
    """visit, kind, code, name of every diagnosis and procedure."""
    parts = []
    for kind, name, words in (("diagnosis", "DIAGNOSES_ICD", icd9.section_of_diagnosis),
                              ("procedure", "PROCEDURES_ICD", icd9.chapter_of_procedure)):  # fmt: skip
        table = _read(files, name, {"hadm_id": "id", "icd9_code": "id"})
        code, visit = table["icd9_code"], table["hadm_id"].astype("int64")
        short = code.str[:2] if kind == "procedure" else code.str[:3].mask(code.str.startswith("E"), code.str[:4])
        parts.append(pd.DataFrame({VISIT: visit, KIND: kind, CODE: code if icd == 5 else short,
                                   NAME: [words(each) for each in code]}))  # fmt: skip
    return pd.concat(parts).drop_duplicates([VISIT, KIND, CODE])


def _given(files: DataFiles, names: File, atc: int) -> tuple[pd.DataFrame, dict, dict]:
    """What was given: subject_id, hadm_id, label (ATC at a level), ddinter_id; how many rows were read, and dropped."""
    rows = _read(files, "PRESCRIPTIONS", {"subject_id": "id", "hadm_id": "id", "drug_type": "text", "drug": "text",
                                          "route": "text"})  # fmt: skip
    content = files.read(DRUGS)
    drugs = read_table(content, {"drug": "text", "atc_codes": "text", "ddinter_id": "text"}).to_pandas()
    drugs = drugs.drop_duplicates()  # some names differ by blanks only
    if (twice := drugs["drug"].duplicated()).any():
        what = f"drug {drugs['drug'][twice].iloc[0]!r} is given twice, with different codes"
        raise data_error(content, int(drugs.index[twice][0]) + 2, what)
    main = rows[rows["drug_type"] != "BASE"]
    matched = main.merge(drugs, on="drug", how="left")
    known = matched[matched["atc_codes"].fillna("") != ""]
    dropped = {"rows of type BASE": len(rows) - len(main), "rows of drugs without an ATC code": len(main) - len(known)}
    table = read_table(files.read(names), {"atc_code": "id", "adm_r": "text"}, separator=",", quote='"').to_pandas()
    routes = table.groupby("atc_code")["adm_r"].agg(lambda found: " ".join(found.fillna("")))
    pairs = known[["atc_codes", "route"]].fillna("").drop_duplicates()
    chosen = {key: by_route(key[0].split("|"), key[1], routes) for key in pairs.itertuples(index=False, name=None)}
    code = [chosen[key] for key in known[["atc_codes", "route"]].fillna("").itertuples(index=False, name=None)]
    label = pd.Series(code, known.index).str[: LENGTHS[atc]]
    return known[["subject_id", "hadm_id", "ddinter_id"]].assign(label=label), {"prescriptions": len(rows)}, dropped


def by_route(codes: list[str], route: str, routes: pd.Series) -> str:
    """The first of a drug's ATC codes that fits the route by which it was given, else the first of all. routes: those
    of each code in the ATC/DDD index, as one text."""
    if route in EYES or route == "TP":
        wanted = "S" if route in EYES else "D"
        return next((code for code in codes if code.startswith(wanted)), codes[0])
    wanted = ROUTES.get(route)
    fits = (code for code in codes if wanted and any(each.startswith(wanted) for each in routes.get(code, "").split()))
    return next(fits, codes[0])


def _names(files: DataFiles, names: File, atc: int) -> pd.DataFrame:
    """raw_id, title of every ATC code of a level; category: the name of the level above."""
    table = read_table(files.read(names), {"atc_code": "id", "atc_name": "text"}, separator=",", quote='"').to_pandas()
    table = table.drop_duplicates("atc_code")
    title = table["atc_name"].fillna("").str.lower()
    by_code = pd.Series(title.to_numpy(), table["atc_code"])
    own = table["atc_code"].str.len() == LENGTHS[atc]
    above = table["atc_code"][own].str[: LENGTHS[max(1, atc - 1)]]
    return pd.DataFrame({"raw_id": table["atc_code"][own], "title": title[own],
                         "category": by_code.reindex(above).fillna("").to_numpy()})  # fmt: skip


def _interactions(files: DataFiles, given: pd.DataFrame) -> pd.DataFrame:
    """code, other, level: labels of which two drugs interact, at the highest level of any two."""
    content = files.read(PAIRS)
    pairs = read_table(content, {"ddinter_a": "id", "ddinter_b": "id", "level": "id"}).to_pandas()
    if (strange := ~pairs["level"].isin(LEVELS)).any():
        raise data_error(content, int(strange.argmax()) + 2, f"level is one of {', '.join(LEVELS)}")
    pairs = pairs[pairs["level"] != "Unknown"]
    labels = given[given["ddinter_id"].fillna("") != ""].drop_duplicates(["ddinter_id", "label"])
    both = pairs
    for side, column in (("ddinter_a", CODE), ("ddinter_b", OTHER)):
        own = labels[["ddinter_id", "label"]].rename(columns={"ddinter_id": side, "label": column})
        both = both.merge(own, on=side, how="left")
    severity = both["level"].map(LEVELS.index)
    first = both[[CODE, OTHER]].fillna("").min(axis=1), both[[CODE, OTHER]].fillna("").max(axis=1)
    table = pd.DataFrame({CODE: first[0], OTHER: first[1], LEVEL: both["level"], "severity": severity})
    table = table[table[CODE] != table[OTHER]].sort_values("severity", ascending=False)
    return table.drop_duplicates([CODE, OTHER]).drop(columns="severity")
