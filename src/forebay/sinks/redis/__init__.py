"""Live data by Redis' pub/sub, for whoever listens. The only sink that speaks to Redis."""
