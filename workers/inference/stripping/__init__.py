"""Files of pictures without what they say of their owner: EXIF, GPS, XMP, IPTC, comments, embedded previews.

Pixels are not decoded, so nothing is lost and the web process can do it: segments are left out, or blanked where
others are found by their offset. The orientation and the colour profile stay.
"""
