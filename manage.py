#!/usr/bin/env python
"""Sightline's command line: `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    """Run one management command, beside a running server's embedded services where there are any."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    from retrieval_site.supervisor.attach import attach_environment

    attach_environment()
    if sys.argv[1:2] == ["serve"] and "--help" not in sys.argv:
        from retrieval_site.supervisor.serve import main as serve  # at once: Django would take two seconds

        sys.exit(serve(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
