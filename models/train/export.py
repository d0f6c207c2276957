"""Writes a checkpoint as ONNX: one input, one output, an open batch axis, norms folded away.

    python export.py CHECKPOINT ../nano/bongsu-nano.onnx
"""

import argparse
import copy
import inspect
import warnings

import numpy as np
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from net import HEIGHT, WIDTH, Conv, Exported, Nano

OPSET = 17


def fused(net):
    """A copy of net whose batch norms are part of the convolutions."""
    net = copy.deepcopy(net).eval().float().to(memory_format=torch.contiguous_format)
    for m in net.modules():
        if isinstance(m, Conv):
            m[0], m[1] = fuse_conv_bn_eval(m[0], m[1]), torch.nn.Identity()
    return net


def export(net, path, width=WIDTH, height=HEIGHT):
    """Writes net to path and compares what both say of a random picture."""
    whole = Exported(fused(net.cpu()), width, height).eval()
    older = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(whole, torch.zeros(1, 3, height, width), path, opset_version=OPSET,
                          input_names=["images"], output_names=["output0"],
                          dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}}, **older)
    try:
        import onnxruntime as ort
    except ImportError:
        print(f"{path}: not compared with the checkpoint, because Python's onnxruntime is not installed")
        return
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        want = whole(x).numpy()
    got = session.run(None, {"images": x.numpy()})[0]
    if not np.allclose(want, got, rtol=1e-3, atol=1e-3):
        raise RuntimeError(f"{path}: differs from the checkpoint by up to {np.abs(want - got).max()}")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint")
    p.add_argument("onnx")
    a = p.parse_args()
    # PyTorch 1.13 has the safe way of reading, but it knows no numbers.
    safe = {"weights_only": True} if int(torch.__version__.split(".")[0]) > 1 else {}
    saved = torch.load(a.checkpoint, map_location="cpu", **safe)
    net = Nano()
    net.load_state_dict(saved["ema"])
    export(net, a.onnx)
    print(f"{a.onnx}: {sum(v.numel() for v in net.parameters())} parameters, after {saved['seen']} samples")


if __name__ == "__main__":
    main()
