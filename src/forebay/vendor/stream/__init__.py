"""The vendor's WebSocket: one session to one cluster, and its events as messages.

No ledger, no sink and no setting: who listens decides what becomes of the messages, and of what was not heard.
"""
