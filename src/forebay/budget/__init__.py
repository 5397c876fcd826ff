"""The rate budget that all workers share: how a call gets its turn, and the book of it in Redis.

The book in the ledger's database lives in `ledger`. Nothing here knows the vendor's wire.
"""
