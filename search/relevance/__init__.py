"""How likely a hit is relevant, and whether anything is: calibrations, fitted by a job and read by every search."""
