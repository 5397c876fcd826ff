"""The coverage grid: what is wanted, recorded and stored, by month and day; why a cell is red, and its repair."""
