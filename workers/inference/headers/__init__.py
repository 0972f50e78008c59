"""What a picture's file says of itself, read without an imaging library and before anything is decoded.

Every format has a slow path: hundreds of progressive scans, a million tiny chunks, tiles that name the same data again
and again. Their number is counted here by linear, bounded walks over the file's structure, so that a file of a few
kilobytes that would take minutes is refused within a millisecond.
"""
