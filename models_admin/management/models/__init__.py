"""The subcommands of `manage.py models`, a file each, by its name: `HELP`, `add_arguments`, `handle`."""
