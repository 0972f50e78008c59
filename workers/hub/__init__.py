"""Published models: the catalogue of those that are known to work, and their files on a model hub. Knows no Django."""
