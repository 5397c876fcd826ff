"""Where rows of the lake are sent on to. A sink knows no other sink, neither the lake nor the ledger, and no task."""
