#!/usr/bin/env python
"""Sightline's command line: `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    """Run one management command, beside a running server's embedded services where there are any."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    from retrieval_site.supervisor.attach import attach_environment

    attach_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
