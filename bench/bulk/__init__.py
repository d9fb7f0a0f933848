"""What measures `issuer compute`, and checks it, by DuckDB."""
