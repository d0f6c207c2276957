"""Rendered frames as training samples.

A data set is a folder written by `bongsu-edge scene dataset`: dataset.json, frames.i420 and
labels.jsonl. Frames are read through a memory map and changed at random each time they are used:
place, size, colour, grain, sharpness, what is in front. What is learned must not hang on how the
renderer happens to draw.
"""

import glob
import json
import os

import cv2
import numpy as np
import torch

from net import CLASSES, HEIGHT, WIDTH

PAD = 114          # grey beside the picture, as in the manifest
MIN_VISIBLE = 0.4  # less of a thing than this is neither asked for nor punished (scored: 0.5)
MIN_HEIGHT = 9.0   # pixels of the input; scored: 24 at 640×360, which is 19.2 here
MIN_AREA = 90.0    # square pixels

# What is looked at more often than its share of all things: what the rules need and small networks
# learn late.
WANTED = {"fallen person": 2.0, "bag": 2.5, "animal": 1.7, "motorcycle": 1.4, "bicycle": 1.2}
WANT = np.array([WANTED.get(c, 1.0) for c in CLASSES])


class Frames:
    """One data set on disk."""

    def __init__(self, folder):
        with open(os.path.join(folder, "dataset.json")) as f:
            self.info = json.load(f)
        if self.info["format"] != "i420" or self.info["classes"] != CLASSES:
            raise ValueError(f"{folder}: not a data set of these classes in I420")
        self.width, self.height = self.info["width"], self.info["height"]
        size = self.width * self.height * 3 // 2
        path = os.path.join(folder, "frames.i420")
        self.labels = [json.loads(line) for line in open(os.path.join(folder, "labels.jsonl"))]
        have = os.path.getsize(path) // size
        self.labels = [l for l in self.labels if l["frame"] < have]
        self.pixels = np.memmap(path, np.uint8, "r", shape=(have, self.height * 3 // 2, self.width))
        self.boxes = [table(l["boxes"]) for l in self.labels]

    def __len__(self):
        return len(self.labels)

    def rgb(self, i):
        """Frame i as height×width×3."""
        return cv2.cvtColor(np.asarray(self.pixels[self.labels[i]["frame"]]), cv2.COLOR_YUV2RGB_I420)


def table(boxes):
    """Boxes of a label line as rows of class, x0, y0, x1, y1, visibility."""
    rows = [(CLASSES.index(b["class"]), b["x"], b["y"], b["x"] + b["w"], b["y"] + b["h"], b["visibility"])
            for b in boxes]
    return np.array(rows, np.float32).reshape(-1, 6)


def fit(rgb, width=WIDTH, height=HEIGHT):
    """The whole picture in the input as the program fits it: top left, grey around. Also its scale."""
    h, w = rgb.shape[:2]
    s = min(width / w, height / h)
    size = (max(1, round(w * s)), max(1, round(h * s)))
    out = np.full((height, width, 3), PAD, np.uint8)
    out[:size[1], :size[0]] = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
    return out, s


class Samples(torch.utils.data.IterableDataset):
    """An endless stream of augmented samples from several data sets, rare classes more often."""

    def __init__(self, folders, seed=1, width=WIDTH, height=HEIGHT, reach=1.0, plain=False):
        self.folders, self.seed, self.reach, self.plain = folders, seed, reach, plain
        self.width, self.height = width, height
        self.sets, self.index = {}, []
        self.refresh()
        if not self.index:
            raise ValueError(f"no data set in {' '.join(folders)}")

    def refresh(self):
        """Takes up data sets that came since, and leaves those that went: rendering may go on meanwhile."""
        found = {f for pattern in self.folders for f in glob.glob(pattern) if os.path.exists(os.path.join(f, "dataset.json"))}
        if not found or found == set(self.sets):
            return
        self.sets = {f: self.sets.get(f) or Frames(f) for f in found}
        self.index = [(s, i) for s, fr in sorted(self.sets.items()) for i in range(len(fr))]
        self.weights = self.balance()

    def balance(self):
        """How often a frame is drawn: by the rarest class that it shows."""
        shown = [np.unique(learnt(self.sets[s].boxes[i])[:, 0].astype(int)) for s, i in self.index]
        count = np.zeros(len(CLASSES))
        for c in shown:
            count[c] += 1
        rare = np.sqrt(len(self.index) / np.maximum(count, 1)) * np.sqrt(WANT)
        w = np.array([rare[c].max() if len(c) else 1.0 for c in shown]).clip(1, 4)
        return w / w.sum()

    def __iter__(self):
        cv2.setNumThreads(0)
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        bank = noise_bank(rng, self.width, self.height)
        while True:
            self.refresh()
            for k in rng.choice(len(self.index), 256, p=self.weights):
                s, i = self.index[k]
                rgb, boxes = place(self.sets[s].rgb(i), self.sets[s].boxes[i], rng, self.width, self.height, self.reach)
                if not self.plain:
                    rgb = paint(rgb, rng, bank)
                yield np.ascontiguousarray(rgb.transpose(2, 0, 1)), boxes


def learnt(boxes):
    """The boxes that are asked for when the picture is seen whole."""
    return boxes[(boxes[:, 5] >= MIN_VISIBLE) & (boxes[:, 4] - boxes[:, 2] >= MIN_HEIGHT)]


def chosen(boxes, rng):
    """One of the boxes to look at: the wanted classes more often, what is hardly seen seldom."""
    p = WANT[boxes[:, 0].astype(int)] * np.where(boxes[:, 5] >= MIN_VISIBLE, 1.0, 0.1)
    return boxes[rng.choice(len(boxes), p=p / p.sum())]


def place(rgb, boxes, rng, width, height, reach=1.0):
    """A random cut, size and side. Boxes become class, x0, y0, x1, y1, ignore in the input's pixels."""
    h, w = rgb.shape[:2]
    fitted = min(WIDTH / w, HEIGHT / h)  # the scale at which the program sees it, whatever is cut out here
    kind = rng.random()
    s = sx = fitted
    dx = dy = 0.0
    if kind > 0.9 and len(boxes):  # close to one thing, which fills much of the picture
        _, bx0, by0, bx1, by1, _ = chosen(boxes, rng)
        s = sx = min(rng.uniform(0.4, 1.1) * min(height / max(by1 - by0, 4), width / max(bx1 - bx0, 4)), 7 * fitted)
    elif kind > 0.25 or width < WIDTH:
        s = fitted * float(np.exp(rng.uniform(np.log(0.7), np.log(1.9)) * reach))
        sx = s * float(np.exp(rng.uniform(-0.12, 0.12) * reach))
    if kind > 0.25 or width < WIDTH:
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        if len(boxes) and rng.random() < 0.8:
            box = chosen(boxes, rng)
            x, y = (box[1] + box[3]) / 2, (box[2] + box[4]) / 2
        dx = float(np.clip(rng.uniform(0.1, 0.9) * width - x * sx, min(0, width - w * sx), max(0, width - w * sx)))
        dy = float(np.clip(rng.uniform(0.1, 0.9) * height - y * s, min(0, height - h * s), max(0, height - h * s)))
    flip = rng.random() < 0.5
    m = np.array([[sx, 0, dx], [0, s, dy]], np.float32)
    if flip:
        m = np.array([[-sx, 0, width - dx], [0, s, dy]], np.float32)
    border = (PAD,) * 3 if rng.random() < 0.6 else tuple(int(v) for v in rng.integers(0, 255, 3))
    out = cv2.warpAffine(rgb, m, (width, height), flags=cv2.INTER_LINEAR, borderValue=border)
    if not len(boxes):
        return out, np.zeros((0, 6), np.float32)
    x0, x1 = boxes[:, 1] * m[0, 0] + m[0, 2], boxes[:, 3] * m[0, 0] + m[0, 2]
    if flip:
        x0, x1 = x1, x0
    y0, y1 = boxes[:, 2] * s + dy, boxes[:, 4] * s + dy
    whole = (x1 - x0) * (y1 - y0)
    x0, x1, y0, y1 = x0.clip(0, width), x1.clip(0, width), y0.clip(0, height), y1.clip(0, height)
    kept = (x1 - x0) * (y1 - y0) / np.maximum(whole, 1e-6)
    small = (y1 - y0 < MIN_HEIGHT) | (x1 - x0 < 3) | ((y1 - y0) * (x1 - x0) < MIN_AREA)
    ignore = (boxes[:, 5] < MIN_VISIBLE) | (kept * boxes[:, 5] < 0.35) | small
    rows = np.stack([boxes[:, 0], x0, y0, x1, y1, ignore], 1).astype(np.float32)
    return out, rows[(kept > 0.02) & (x1 - x0 > 1) & (y1 - y0 > 1)]


def noise_bank(rng, width, height):
    """Grain to cut from, because drawing a normal number a pixel costs more than the network."""
    fine = rng.normal(0, 1, (height + 96, width + 96, 3)).astype(np.float32)
    coarse = cv2.resize(fine[::2, ::2], fine.shape[1::-1])
    kinds = [fine, coarse, fine[..., :1].repeat(3, 2), coarse[..., :1].repeat(3, 2)]
    return [np.rint(n * sigma).astype(np.int16) for n in kinds for sigma in (2, 3, 5, 8, 12)]


def paint(rgb, rng, bank):
    """Everything that changes how a picture looks and not what it shows."""
    if rng.random() < 0.25:
        rgb = patch(rgb, rng)
    if rng.random() < 0.75:
        rgb = colours(rgb, rng)
    kind = rng.random()
    if kind < 0.08:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.3))
    elif kind < 0.12:
        rgb = motion(rgb, rng)
    elif kind < 0.20:
        soft = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.7, 1.5))
        a = rng.uniform(0.4, 1.8)
        rgb = cv2.addWeighted(rgb, 1 + a, soft, -a, 0)
    elif kind < 0.25:
        h, w = rgb.shape[:2]
        f = rng.uniform(0.45, 0.9)
        small = cv2.resize(rgb, (int(w * f), int(h * f)), interpolation=cv2.INTER_AREA)
        rgb = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_NEAREST)
    if rng.random() < 0.2:
        rgb = grain(rgb, rng, bank)
    if rng.random() < 0.06:
        data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 75))])[1]
        rgb = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return rgb


def colours(rgb, rng):
    """Gamma, gain and lift a channel, saturation, hue, grey, and now and then a tint or a negative lift."""
    x = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(rng.normal(0, 0.2))
    table3 = np.empty((1, 256, 3), np.uint8)
    gain, lift = rng.uniform(0.75, 1.3), rng.normal(0, 0.03)
    for c in range(3):
        table3[0, :, c] = np.clip((x ** gamma * gain * np.exp(rng.normal(0, 0.08)) + lift + rng.normal(0, 0.02)) * 255, 0, 255)
    rgb = cv2.LUT(rgb, table3)
    kind = rng.random()
    if kind < 0.15:
        rgb = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    elif kind < 0.6:
        rgb = cv2.transform(rgb, mixing(rng))
    return rgb


def mixing(rng):
    """A colour matrix: saturation 0 … 1.8 and a turn of the hues, seldom a wild one."""
    grey = np.full((3, 3), 1 / 3)
    a = rng.uniform(-np.pi, np.pi) if rng.random() < 0.25 else rng.normal(0, 0.25)
    c, s = np.cos(a), np.sin(a) / np.sqrt(3)
    turn = grey + c * (np.eye(3) - grey) + s * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    sat = rng.uniform(0.1, 1.7)
    return ((grey + sat * (np.eye(3) - grey)) @ turn).astype(np.float32)


def motion(rgb, rng):
    """The blur of a camera that moves."""
    n = int(rng.integers(3, 8))
    k = np.zeros((n, n), np.float32)
    a = rng.uniform(0, np.pi)
    d = np.array([np.cos(a), np.sin(a)]) * n / 2
    p, q = np.array([n / 2, n / 2]) - d, np.array([n / 2, n / 2]) + d
    cv2.line(k, (int(p[0]), int(p[1])), (int(q[0]), int(q[1])), 1.0)
    return cv2.filter2D(rgb, -1, k / max(k.sum(), 1))


def grain(rgb, rng, bank):
    """Noise of a sensor: fine or coarse, grey or coloured."""
    h, w = rgb.shape[:2]
    n = bank[rng.integers(len(bank))]
    y, x = rng.integers(0, n.shape[0] - h), rng.integers(0, n.shape[1] - w)
    return cv2.add(rgb, n[y:y + h, x:x + w], dtype=cv2.CV_8U)


def patch(rgb, rng):
    """Rectangles in front of the picture: one colour, its own grain, or another part of the picture;
    or a rectangle whose colours alone change."""
    rgb = rgb.copy()
    h, w = rgb.shape[:2]
    for _ in range(rng.integers(1, 5)):
        ph, pw = int(h * rng.uniform(0.03, 0.25)), int(w * rng.uniform(0.02, 0.2))
        y, x = int(rng.integers(0, h - ph)), int(rng.integers(0, w - pw))
        at = rgb[y:y + ph, x:x + pw]
        kind = rng.random()
        if kind < 0.6:
            at[:] = cv2.LUT(at, np.clip(np.arange(256) * rng.uniform(0.4, 1.6) + rng.normal(0, 30), 0, 255).astype(np.uint8))
            if rng.random() < 0.5:
                at[:] = cv2.transform(np.ascontiguousarray(at), mixing(rng))
        elif max(ph, pw) > 60 or kind < 0.8:
            continue
        else:
            at[:] = rng.integers(0, 255, 3)
    return rgb


def collate(samples):
    """Pictures [batch, 3, h, w] of bytes, and all boxes as rows of sample, class, x0, y0, x1, y1, ignore."""
    pictures = torch.from_numpy(np.stack([s[0] for s in samples]))
    rows = [np.concatenate([np.full((len(b), 1), i, np.float32), b], 1) for i, (_, b) in enumerate(samples)]
    return pictures, torch.from_numpy(np.concatenate(rows))


def loader(folders, batch, workers=0, **kw):
    """Batches without end."""
    more = {"prefetch_factor": 4} if workers else {}
    return torch.utils.data.DataLoader(Samples(folders, **kw), batch, collate_fn=collate, num_workers=workers, **more)
