"""Everything that takes long or needs a neural library, a room each.

`encoding` (from a search to an encoder and back), `reading` (the text in its photo), `jobs` (long work as rows) and
`storage` (files by their content) know Django; `neural`, `inference` and `training` are libraries that do not. All say
what went wrong by one table, `error_table`.
"""
