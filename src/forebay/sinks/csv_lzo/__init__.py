"""The csv.lzo archive: bars as CSV, packed by lzop, as objects that say by path and by tag what they are."""
