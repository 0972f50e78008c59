"""The starter: a bundle made of two pretrained networks that come from the package registry, without torch or a hub.

packages ─► (in a walled child) tensors ─► sentences, pictures: ONNX graphs ─► build: the bundle
"""
