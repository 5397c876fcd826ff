"""Arithmetic on bars, and on the trades they are built from: tables in, tables out. No input or output, no lake."""
