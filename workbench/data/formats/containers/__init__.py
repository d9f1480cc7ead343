"""What users' files are packed in and laid out as: every module here turns one kind of file into Arrow batches.

Read file_kinds (what a file is) and byte_streams (compression, encodings) first. delimited, columnar, json_records and
user_sequences each have `column_names`, `batches` and `position`; file_format holds the options that users give.
number_arrays reads .npy and .mat and safe_pickle pickled matrices, in which some datasets are published.
"""
