"""Reads and writes safetensors files: https://github.com/huggingface/safetensors#format"""
import json
import struct

import numpy

TYPES = {"F32": "<f4", "I32": "<i4", "U8": "u1"}


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        body = f.read()
    tensors = {}
    for name, info in header.items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            tensors[name] = numpy.frombuffer(body[begin:end], TYPES[info["dtype"]]).reshape(info["shape"])
    return tensors


def write_safetensors(path, tensors, meta):
    names = {numpy.dtype(v): k for k, v in TYPES.items()}
    header, body = {"__metadata__": meta}, b""
    for name, values in tensors.items():
        data = values.tobytes()
        header[name] = {"dtype": names[values.dtype], "shape": list(values.shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)
