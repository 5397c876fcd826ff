"""From Kafka into the database: batches, their positions, what cannot be used, and what to do when either is away."""
