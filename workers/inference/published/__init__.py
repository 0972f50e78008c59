"""Models that others published as ONNX graphs, made into bundles: their graphs' ends, their settings. Needs no torch."""
