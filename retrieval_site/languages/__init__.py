"""The languages of pages: which one a reader gets, and how all that pages say comes into the catalogues."""
