"""Whether a lake is what it says: its files, sums, scores and footers, read and judged. Mends nothing."""
