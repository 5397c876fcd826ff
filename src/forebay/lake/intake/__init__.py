"""What may enter the lake: rows checked, sorted and staged, and the quarantine of the others. Touches no table."""
