"""Adapters are learned here: small maps behind a model's towers, from people's marks, with numpy alone."""
