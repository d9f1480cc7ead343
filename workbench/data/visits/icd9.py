"""ICD-9-CM in words: the section of a diagnosis, by its first three characters, and the chapter of a procedure.

The sections are those of the public tabular list (CDC/CMS, ICD-9-CM volumes 1 and 3); names of single codes are not in
the data, so codes of one section have the same words.
"""
import numpy as np

SECTIONS = """
1 intestinal infectious diseases|10 tuberculosis|20 zoonotic bacterial diseases|30 other bacterial diseases sepsis
42 human immunodeficiency virus infection|45 poliomyelitis and viral diseases of the central nervous system
50 viral diseases with exanthem|60 arthropod borne viral diseases|70 other diseases due to viruses hepatitis
80 rickettsioses|90 syphilis and venereal diseases|100 other spirochetal diseases|110 mycoses|120 helminthiases
130 other infectious and parasitic diseases|140 malignant neoplasm of lip oral cavity and pharynx
150 malignant neoplasm of digestive organs and peritoneum|160 malignant neoplasm of respiratory organs
170 malignant neoplasm of bone skin and breast|179 malignant neoplasm of genitourinary organs
190 malignant neoplasm of other sites metastasis|200 malignant neoplasm of lymphatic and blood forming tissue leukemia
210 benign neoplasms|230 carcinoma in situ|235 neoplasms of uncertain behavior|240 disorders of thyroid gland
249 diabetes mellitus and other endocrine disorders|260 nutritional deficiencies malnutrition
270 other metabolic disorders lipids fluid and electrolytes obesity|280 diseases of the blood anemia
290 organic psychotic conditions dementia delirium|295 other psychoses schizophrenia depression
300 neurotic and personality disorders alcohol and drug dependence|317 mental retardation
320 inflammatory diseases of the central nervous system meningitis|330 degenerative diseases of the nervous system
338 pain|339 headache syndromes|340 other disorders of the central nervous system epilepsy
350 disorders of the peripheral nervous system neuropathy|360 disorders of the eye|380 diseases of the ear
390 acute rheumatic fever|393 chronic rheumatic heart disease valve|401 hypertensive disease hypertension
410 ischemic heart disease myocardial infarction coronary atherosclerosis|415 diseases of pulmonary circulation embolism
420 other heart disease heart failure atrial fibrillation|430 cerebrovascular disease stroke
440 diseases of arteries|451 diseases of veins thrombosis hypotension|460 acute respiratory infections
470 other diseases of the upper respiratory tract|480 pneumonia and influenza
490 chronic obstructive pulmonary disease asthma|500 lung diseases due to external agents aspiration
510 other diseases of the respiratory system respiratory failure pleural effusion|520 diseases of the oral cavity
530 diseases of esophagus stomach and duodenum ulcer|540 appendicitis|550 hernia of abdominal cavity
555 noninfectious enteritis and colitis|560 other diseases of intestines and peritoneum obstruction
570 other diseases of the digestive system liver cirrhosis gallbladder pancreas bleeding
580 nephritis and kidney failure renal failure|590 other diseases of the urinary system infection
600 diseases of male genital organs|610 disorders of breast|614 inflammatory disease of female pelvic organs
617 other disorders of the female genital tract|630 complications of pregnancy|680 infections of skin cellulitis
690 other inflammatory conditions of skin|700 other diseases of skin ulcer|710 arthropathies
720 dorsopathies back pain|725 rheumatism|730 osteopathies and acquired deformities|740 congenital anomalies
760 perinatal conditions|780 symptoms fever syncope|790 nonspecific abnormal findings bacteremia
797 ill defined causes of morbidity|800 fracture of skull|805 fracture of neck and trunk|810 fracture of upper limb
820 fracture of lower limb|830 dislocation|840 sprains|850 intracranial injury|860 internal injury of trunk
870 open wound of head neck and trunk|880 open wound of upper limb|890 open wound of lower limb
900 injury to blood vessels|905 late effects of injuries|910 superficial injury|920 contusion|925 crushing injury
930 foreign body|940 burns|950 injury to nerves|958 traumatic complications|960 poisoning by drugs
980 toxic effects of substances|990 other effects of external causes
995 adverse effects allergy and systemic inflammatory response sepsis|996 complications of surgical and medical care
"""
CHAPTERS = """
0 procedures not elsewhere classified|1 operations on the nervous system|6 operations on the endocrine system
8 operations on the eye|18 operations on the ear|21 operations on nose mouth and pharynx
30 operations on the respiratory system intubation tracheostomy|35 operations on the cardiovascular system
40 operations on the blood and lymphatic system|42 operations on the digestive system
55 operations on the urinary system|60 operations on male genital organs|65 operations on female genital organs
72 obstetrical procedures|76 operations on the musculoskeletal system|85 operations on skin and breast
87 diagnostic procedures imaging|88 other diagnostic radiology ultrasound|89 examination monitoring
92 nuclear medicine|93 respiratory therapy and rehabilitation ventilation
94 procedures of psychiatry detoxification|96 nonoperative intubation infusion ventilation
97 replacement and removal of therapeutic appliances|99 transfusion injection dialysis and other procedures
"""
SUPPLEMENT = {"V": "supplementary factors influencing health status history of", "E": "external cause of injury"}


def _table(text: str) -> tuple[np.ndarray, list[str]]:
    entries = [entry.split(" ", 1) for line in text.strip().splitlines() for entry in line.split("|")]
    return np.array([int(first) for first, _ in entries]), [words for _, words in entries]


_SECTIONS, _CHAPTERS = _table(SECTIONS), _table(CHAPTERS)


def section_of_diagnosis(code: str) -> str:
    """The words of a diagnosis, "" for a code that is none.

    >>> section_of_diagnosis("4019"), section_of_diagnosis("99591")[-6:], section_of_diagnosis("V1582")[:13]
    ('hypertensive disease hypertension', 'sepsis', 'supplementary')
    """
    if code[:1] in SUPPLEMENT:
        return SUPPLEMENT[code[:1]]
    return _words(code[:3], _SECTIONS) if code[:3].isdecimal() and code[:3] != "000" else ""


def chapter_of_procedure(code: str) -> str:
    """The words of a procedure, "" for a code that is none.

    >>> chapter_of_procedure("3605")
    'operations on the cardiovascular system'
    """
    return _words(code[:2], _CHAPTERS) if code[:2].isdecimal() else ""


def _words(number: str, table: tuple[np.ndarray, list[str]]) -> str:
    return table[1][int(np.searchsorted(table[0], int(number), "right")) - 1]
