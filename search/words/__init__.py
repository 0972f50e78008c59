"""Words of documents and of searches: full text with its vocabulary, identifiers, and mending what is misspelt."""
