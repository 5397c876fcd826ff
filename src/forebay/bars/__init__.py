"""Arithmetic on bars: tables in, tables out. No input or output, no lake."""
