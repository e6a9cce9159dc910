"""Writes torchvision's networks with random weights as ONNX: torch_export.py DIR NAME..., batch 1, 224x224."""
import os
import sys
import warnings

import torch

import torch_nets

warnings.filterwarnings("ignore")
# Newer ones have a second exporter as their default, which needs further packages.
options = {} if torch.__version__.startswith("1.") else {"dynamo": False}
for name in sys.argv[2:]:
    torch.manual_seed(0)
    net = torch_nets.make(name).eval()
    torch.onnx.export(net, torch.randn(1, 3, 224, 224), os.path.join(sys.argv[1], name + ".onnx"), opset_version=13,
                      input_names=["input"], output_names=["output"], **options)
