"""The relational database: opening it, its tables, its migrations. What a row means to the work lives in `ledger`."""
