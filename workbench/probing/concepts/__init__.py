"""Item concepts (category, brand, price, ...) and statistical tests of which latents track them.

Read concepts first (the labels), then concept_test (the whole test of a dictionary) on top of permutation_test and
stratified_test; code_confound and position_confounds hold rival explanations, absorption, auroc and sparse_probing
further measures.
"""
