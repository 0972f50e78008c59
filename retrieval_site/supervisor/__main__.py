"""`python -m retrieval_site.supervisor`: what `manage.py serve` turns into."""

import sys

from retrieval_site.supervisor.serve import main

sys.exit(main(sys.argv[1:]))
