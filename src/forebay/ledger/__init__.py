"""What is to be done, by whom, and what is covered. `Ledger` opens it; what a task does lives in `tasks`."""
