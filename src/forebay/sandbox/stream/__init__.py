"""The simulated vendor's WebSocket side: the market, replayed by a clock of its own. It connects to nobody."""
