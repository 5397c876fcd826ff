"""Bars in files of their own, one for each ticker and timeframe. Knows neither the lake nor the ledger."""
