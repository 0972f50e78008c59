"""The text in a picture: lines by PP-OCR's networks on OpenVINO, barcodes by ZXing.

`reader.PhotoReader` is a worker's handle; `child` runs in the sandboxed process, with `lines`, `detection`,
`recognition` and `barcodes`. `types` says what was read.
"""
