"""Item concepts (category, brand, price, ...) and statistical tests of which latents represent them.

Read concepts first (the labels), then permutation_test, concept_test (the test of a whole dictionary) and
stratified_test; code_confound and position_confounds test rival explanations; absorption, auroc, sparse_probing and
dictionary_comparison are further measures.
"""
