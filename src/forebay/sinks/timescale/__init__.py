"""Bars in TimescaleDB or PostgreSQL: tables, one upsert a batch, positions in Kafka. The only sink that speaks SQL."""
