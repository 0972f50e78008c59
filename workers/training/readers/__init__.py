"""Data sets in their published layouts, read into one form; `read.py` tells the layouts apart."""
