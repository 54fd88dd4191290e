"""Open what people have: CSV, JSON, Excel, Parquet and SQL dumps become a private temporary database."""
