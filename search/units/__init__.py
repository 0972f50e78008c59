"""What of a document is embedded, found and shown as one: the kinds of unit, each a file, known through `registry`."""
