"""Kafka: what its messages look like, what its topics are called, how both get there. No other room speaks to it."""
