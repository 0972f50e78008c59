"""The judging room: queues of pairs of a search and a document, which several people judge one after another."""
