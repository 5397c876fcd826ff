"""What is to be done, by whom, and what is covered. What a task does lives in `tasks`, the tables in `db`."""

from forebay.ledger.ledger import Ledger

__all__ = ["Ledger"]
