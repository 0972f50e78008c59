"""What `manage.py models` can do: a file each, found by its name."""
