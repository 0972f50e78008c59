"""One reader for each format of documents' files."""
