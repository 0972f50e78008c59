"""Evaluation sets: queries with known answers, frozen, by which every model version is measured again and again."""
