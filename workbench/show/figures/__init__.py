"""Static figures and tables, one function each, named plot_ and table_ where people call them.

One file a subject: dataset and users (the log), codes and code_tables (semantic IDs), beams (decoding), compare
(systems), sae, interventions and code_levels (probing), audit and cases (diagnosis).
"""
