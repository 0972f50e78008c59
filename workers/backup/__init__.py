"""Backups: one of the whole site while it runs, and back from it into an empty place.

A place holds `blobs/…`, which all of its backups share, and a folder for each backup: the database's dump, the list of
the blobs that it names, sample questions with their answers, the settings, and `manifest.json` with the checksum of
each. The manifest is written last: without one there is no backup.

Every blob that a row of the backup names is in it, by three rules:

1. A row of a blob becomes visible only after its file lies in the storage (`blob_store` writes the file in the
   transaction of the row). So at the moment of the database's snapshot, all files of its rows are there.
2. Only `blob_remove`, and `strays_sweep` where there is no row, delete files, and they do not while `removals_held` is
   open. That begins before the snapshot and ends after the last file is copied.
3. Files are named by their content and never change, so it does not matter when one is copied, nor which backup did.
"""
