"""The actions of `manage.py backup`, a file each."""
