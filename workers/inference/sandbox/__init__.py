"""Long-lived child processes that handle what strangers send: walled in, ended when they take too long, started anew.

A worker talks to PostgreSQL and Redis; what decodes a picture or runs an uploaded graph must not share its process.
`process.SandboxProcess` is the worker's handle of one child, `child` is what runs on the other side, `memory` is the
memory that both see. `docs/security.md` says what the walls hold.
"""
