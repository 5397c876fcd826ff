"""Who is traded: universe files, the universe table, and what the vendor is asked to fill them. Plans nothing."""
