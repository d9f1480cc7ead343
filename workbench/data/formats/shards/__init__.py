"""Logs of many parquet files that do not fit into memory: parquet_shards finds them and compares their columns."""
