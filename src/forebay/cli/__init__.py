"""What a person types: one file per group of commands. Parses, calls, prints; decides nothing."""
