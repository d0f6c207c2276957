"""The network: plain 3×3 convolutions with shortcuts, a feature pyramid of strides 8, 16 and 32,
and one small head a level that gives each cell a box and ten class scores.

Dense convolutions at low widths run faster on one CPU core than depthwise ones of the same
accuracy, in training as in ONNX Runtime, and fold into plain convolutions with ReLU at export.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = ["person", "fallen person", "bicycle", "motorcycle", "car", "large vehicle", "bag",
           "fire", "smoke", "animal"]
STRIDES = (8, 16, 32)
WIDTH, HEIGHT = 512, 288  # the input of the exported model, pixels


class Conv(nn.Sequential):
    """Convolution, batch norm, ReLU; the norm folds into the convolution at export, and before each
    use once it is fixed: then it keeps its statistics, and a step costs a quarter less."""

    fixed = False

    def __init__(self, cin, cout, k=3, stride=1, act=True):
        layers = [nn.Conv2d(cin, cout, k, stride, k // 2, bias=False), nn.BatchNorm2d(cout)]
        if act:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)

    def forward(self, x):
        if not self.fixed:
            return super().forward(x)
        conv, norm = self[0], self[1]
        k = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        x = F.conv2d(x, conv.weight * k[:, None, None, None], norm.bias - norm.running_mean * k, conv.stride, conv.padding)
        return F.relu_(x) if len(self) > 2 else x


class Block(nn.Module):
    """Two convolutions and a shortcut around them (He et al., 2015)."""

    def __init__(self, width, inner):
        super().__init__()
        self.a, self.b = Conv(width, inner), Conv(inner, width, act=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(x + self.b(self.a(x)))


class Stage(nn.Sequential):
    """Half the resolution, then blocks."""

    def __init__(self, cin, cout, inner, blocks):
        super().__init__(Conv(cin, cout, 3, 2), *[Block(cout, inner) for _ in range(blocks)])


class Context(nn.Module):
    """What a cell sees widens to the whole picture: three poolings in a row (as in YOLOv5)."""

    def __init__(self, width):
        super().__init__()
        self.a, self.b = Conv(width, width // 2, 1), Conv(width * 2, width, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        x = self.a(x)
        y = self.pool(x)
        z = self.pool(y)
        return self.b(torch.cat([x, y, z, self.pool(z)], 1))


class Head(nn.Module):
    """One level's boxes and scores from shared features."""

    def __init__(self, cin, width):
        super().__init__()
        self.stem = Conv(cin, width)
        self.box = nn.Conv2d(width, 4, 1)
        self.cls = nn.Conv2d(width, len(CLASSES), 1)
        nn.init.constant_(self.cls.bias, -math.log((1 - 0.01) / 0.01))
        nn.init.zeros_(self.box.bias)
        nn.init.normal_(self.box.weight, std=0.01)

    def forward(self, x):
        x = self.stem(x)
        return torch.cat([self.box(x), self.cls(x)], 1)


class Nano(nn.Module):
    """The detector. forward gives [batch, 4 + classes, cells]: raw, before decoding."""

    def __init__(self, widths=(16, 32, 48, 96, 128), inner=(0, 0, 48, 64, 80), blocks=(0, 0, 2, 3, 1),
                 neck=48, head=48):
        super().__init__()
        w = widths
        self.stem = Conv(3, w[0], 3, 2)
        self.s4 = Stage(w[0], w[1], inner[1], blocks[1])
        self.s8 = Stage(w[1], w[2], inner[2], blocks[2])
        self.s16 = Stage(w[2], w[3], inner[3], blocks[3])
        self.s32 = nn.Sequential(Stage(w[3], w[4], inner[4], blocks[4]), Context(w[4]))
        self.lat8, self.lat16, self.lat32 = Conv(w[2], neck, 1), Conv(w[3], neck, 1), Conv(w[4], neck, 1)
        self.mix16, self.mix8 = Conv(neck, neck), Conv(neck, neck)
        self.down16, self.down32 = Conv(neck, neck, 3, 2), Conv(neck, neck, 3, 2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.heads = nn.ModuleList([Head(neck, head) for _ in STRIDES])

    def settle(self):
        """For a network that has learnt: fixes all norms, and the first two stages as they are. Those
        see edges and colours, do not change any more, and cost a third of a step."""
        for m in self.modules():
            if isinstance(m, Conv):
                m.fixed = True
        for p in (*self.stem.parameters(), *self.s4.parameters()):
            p.requires_grad_(False)

    def levels(self, x):
        """Raw maps [batch, 4 + classes, h, w] of each stride."""
        x8 = self.s8(self.s4(self.stem(x)))
        x16 = self.s16(x8)
        p32 = self.lat32(self.s32(x16))
        p16 = self.mix16(self.lat16(x16) + self.up(p32))
        p8 = self.mix8(self.lat8(x8) + self.up(p16))
        n16 = p16 + self.down16(p8)
        n32 = p32 + self.down32(n16)
        return [h(p) for h, p in zip(self.heads, (p8, n16, n32))]

    def forward(self, x):
        rows = 4 + len(CLASSES)
        return torch.cat([m.reshape(-1, rows, int(m.shape[2]) * int(m.shape[3])) for m in self.levels(x)], 2)


def grid(width, height, device=None):
    """Middles of all cells in input pixels, and their strides: [cells, 2] and [cells]."""
    points, strides = [], []
    for s in STRIDES:
        ys, xs = torch.meshgrid(torch.arange(height // s), torch.arange(width // s), indexing="ij")
        p = (torch.stack([xs, ys], -1).reshape(-1, 2).float() + 0.5) * s
        points.append(p)
        strides.append(torch.full((len(p),), float(s)))
    return torch.cat(points).to(device), torch.cat(strides).to(device)


def decode(raw, points, strides):
    """Raw output [batch, 4 + classes, cells] to boxes [batch, cells, 4] as x0 y0 x1 y1 in pixels.

    A cell tells the middle relative to its own in strides, and the logarithm of the size in
    strides of two cells."""
    t = raw[:, :4].transpose(1, 2).float()
    middle = points + t[..., :2] * strides[:, None]
    half = t[..., 2:].clamp(-6, 6).exp() * strides[:, None]
    return torch.cat([middle - half, middle + half], -1)


class Exported(nn.Module):
    """What goes into the ONNX file: [batch, 4 + classes, cells] of middle, size and probabilities."""

    def __init__(self, net, width=WIDTH, height=HEIGHT):
        super().__init__()
        self.net = net
        points, strides = grid(width, height)
        self.register_buffer("points", points.T[None].contiguous())
        self.register_buffer("strides", strides[None, None])

    def forward(self, x):
        shift, size, scores = self.net(x).split((2, 2, len(CLASSES)), 1)
        middle = self.points + shift * self.strides
        size = size.clamp(-6, 6).exp() * (self.strides * 2)
        return torch.cat([middle, size, scores.sigmoid()], 1)
