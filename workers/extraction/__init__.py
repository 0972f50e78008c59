"""What documents' files hold: text in reading order, figures, pages, attachments. Knows no Django.

`extractor.Extractor` is a job's handle of a sandboxed process; `child` runs in that process and calls the reader of
the file's kind, one module each in `formats`, named in `registry`. `kinds` tells the kind of a file by its content,
`types` says what a reader returns, `output` keeps what it takes out of the file, under limits.
"""
