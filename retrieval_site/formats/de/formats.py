"""Dates as the admin's lists and pages write them: sortable, and as wide on every line."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i"
