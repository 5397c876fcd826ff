"""The container of the lzop program around LZO1X. Knows bytes: no bars, files or stores. Needs the extra `lzo`."""
