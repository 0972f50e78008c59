"""Fetching a picture by its address without reaching anything that only this machine reaches.

`addresses` reads an address and refuses what is none; `networks` tells public addresses from all others; `fetch`
resolves a name once, connects to the address that was checked, and follows redirects by hand; `child` is the handler
of the sandboxed process that does it, and `pool` what a worker's threads share to have it done. No Django here.
"""
