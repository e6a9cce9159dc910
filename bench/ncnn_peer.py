"""ncnn's Vulkan side of one row: ncnn_peer.py NET BATCHxSHAPE FOLDER SETTING.

The network is torchvision's with random weights, written by pnnx into FOLDER as ncnn's own files, with batch norm
folded, once. SETTING is fp32, or fp32+plain for convolutions without Winograd's algorithm.
"""
import os
import subprocess
import sys

import ncnn
import numpy
import peer

WARM_UP_SECONDS, WARM_UP_STEPS = 0.5, 3


def write_network(net, shape, stem):
    """stem.ncnn.param and stem.ncnn.bin"""
    import pnnx
    import torch
    import torch_nets
    torch.manual_seed(0)
    trace = torch.jit.trace(torch_nets.make(net).eval(), torch.randn(*shape))
    trace.save(stem + ".pt")
    sizes = ",".join(str(n) for n in shape)
    subprocess.run([pnnx.EXEC_PATH, stem + ".pt", f"inputshape=[{sizes}]", "fp16=0"], check=True, cwd=os.path.dirname(stem),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def options(net, setting):
    opt = net.opt
    opt.use_vulkan_compute = True
    for name in dir(opt):
        if name.startswith(("use_fp16", "use_bf16", "use_int8")):
            setattr(opt, name, False)
    opt.use_winograd_convolution = "plain" not in setting.split("+")


def main():
    name, shape, folder, setting = sys.argv[1:]
    shape = [int(n) for n in shape.split("x")]
    stem = os.path.join(folder, name)

    def prepare():
        if ncnn.get_gpu_count() == 0:
            raise RuntimeError("ncnn finds no Vulkan device")
        if not os.path.exists(stem + ".ncnn.bin"):
            write_network(name, shape, stem)
        net = ncnn.Net()
        options(net, setting)
        net.load_param(stem + ".ncnn.param")
        net.load_model(stem + ".ncnn.bin")
        image = ncnn.Mat(numpy.random.default_rng(0).standard_normal(shape[1:], dtype=numpy.float32))

        def step():
            run = net.create_extractor()
            run.input("in0", image)
            failed, out = run.extract("out0")
            if failed:
                raise RuntimeError(f"ncnn gives {failed}")
            return numpy.array(out)

        peer.run_for(step, WARM_UP_SECONDS, WARM_UP_STEPS)
        return step

    peer.serve(prepare, ncnn.__version__)


main()
