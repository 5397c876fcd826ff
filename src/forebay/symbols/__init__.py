"""Who is traded: universe files and the universe table. Asks no vendor and plans nothing."""
