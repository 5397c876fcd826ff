"""What the files of the lake are: names, columns, encodings, footers, digests. Knows no home and no log."""
