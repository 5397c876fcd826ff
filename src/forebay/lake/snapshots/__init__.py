"""Snapshots of tickers: a table for each class that only grows. Nothing here asks the vendor."""
