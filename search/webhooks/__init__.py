"""Webhooks: who is told of a state change, how a message is signed, and how it is delivered."""
