"""Sorted rows in bounded memory: read as runs, merged, cut into files, summed up. Decides nothing; commits nothing."""
