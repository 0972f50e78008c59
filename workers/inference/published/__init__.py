"""Models that others published as ONNX graphs, made into bundles, without torch: their graphs' ends and settings."""
