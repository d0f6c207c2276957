"""Trains the network on rendered frames.

    python train.py --data DATASET ... --val DATASET --out FOLDER --minutes 60

The time is given, not the number of steps, because that is what a machine has; the learning rate
follows the share of it that is used. Writes last.pt (to go on with --resume) and best.pt by the
validation score; uses a GPU when there is one. On CPUs each core is a process of its own that takes
a part of every batch: threads inside one process wait for each other at every layer, which on a
machine with other work costs two thirds of the speed.
"""

import argparse
import copy
import itertools
import math
import os
import sys
import tempfile
import time

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import data
import evaluate
from loss import loss_of
from net import HEIGHT, WIDTH, Exported, Nano, decode, grid


class Average:
    """The running mean of the weights, which scores better than the last ones."""

    def __init__(self, net, decay=0.999):
        self.net, self.decay, self.steps = copy.deepcopy(net).eval(), decay, 0

    @torch.no_grad()
    def update(self, net):
        self.steps += 1
        d = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mine, new in zip(self.net.state_dict().values(), net.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - d)
            else:
                mine.copy_(new)


def optimiser(net, lr):
    """AdamW; norms and biases do not decay."""
    flat = [p for p in net.parameters() if p.ndim < 2]
    full = [p for p in net.parameters() if p.ndim >= 2]
    return torch.optim.AdamW([{"params": full, "weight_decay": 0.03}, {"params": flat, "weight_decay": 0}], lr=lr)


def rate(share, step, warm=200):
    """The learning rate's factor: a warm start, then half a cosine down to a fiftieth."""
    return min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1))))


class Team:
    """The processes that train one network together; alone it is a team of one."""

    def __init__(self, rank, size, meet):
        self.rank, self.size = rank, size
        if size > 1:
            dist.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=size)

    def mean(self, net, share):
        """Makes gradients the team's mean; gives the mean of share, which keeps all at one rate."""
        if self.size == 1:
            return share
        grads = [p.grad for p in net.parameters() if p.requires_grad]
        flat = torch.cat([g.flatten() for g in grads] + [torch.tensor([share])])
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for g in grads:
            g.copy_(flat[at:at + g.numel()].view_as(g))
            at += g.numel()
        return flat[-1].item()

    def gather(self, results):
        """All members' lists as one."""
        if self.size == 1:
            return results
        parts = [None] * self.size
        dist.all_gather_object(parts, results)
        return [r for part in parts for r in part]


def validate(net, frames, every, team, any_class=False):
    """Figures of the average on a validation set, with the decoder of the exported file."""
    device = next(net.parameters()).device
    whole = Exported(net, WIDTH, HEIGHT).to(device).eval()

    def run(x):
        with torch.no_grad():
            t = torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None].to(device).float() / 255
            return whole(t)[0].cpu().numpy()
    mine = evaluate.predict(run, frames, range(team.rank * every, len(frames), every * team.size),
                            any_class)
    return evaluate.score(team.gather(list(mine)))


def save(path, net, ema, opt, **more):
    state = {"net": net.state_dict(), "ema": ema.net.state_dict(), "opt": opt.state_dict(), **more}
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", nargs="+", required=True)
    p.add_argument("--val", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--samples", type=int, default=0, help="stop after so many samples instead of by time")
    p.add_argument("--batch", type=int, default=20)
    p.add_argument("--lr", type=float, default=1.5e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--workers", type=int, default=0, help="processes that only prepare pictures, each trainer")
    p.add_argument("--procs", type=int, default=os.cpu_count(), help="trainers, without a GPU")
    p.add_argument("--reach", type=float, default=1.0, help="how far sizes are changed, 0 to 1")
    p.add_argument("--plain", action="store_true", help="change nothing in the pictures")
    p.add_argument("--must-learn", type=float, default=0, metavar="AP50",
                   help="fail unless the loss halves and things, whatever their class, reach this on the validation set")
    p.add_argument("--resume", help="weights to begin with")
    p.add_argument("--settled", action="store_true", help="with --resume: norms and first stages stay as they are, which is faster")
    p.add_argument("--cuts", type=float, default=0.65, help="share of the time in which pieces are learned from, not whole inputs")
    p.add_argument("--cut", type=lambda s: tuple(int(v) for v in s.split("x")), default=(384, 224), metavar="WxH",
                   help="pixels of those pieces, multiples of 32")
    p.add_argument("--warm", type=int, default=200, help="steps until the full learning rate")
    p.add_argument("--average", type=float, default=0.9985, help="how slowly the averaged weights follow")
    p.add_argument("--every", type=float, default=5, help="minutes between validations")
    p.add_argument("--skip", type=int, default=1, help="validate on one frame of so many")
    return p.parse_args()


def step(net, batch, points, strides, device, amp):
    pictures, targets = batch
    x = pictures.to(device).to(memory_format=torch.channels_last).float().div_(255)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
        raw = net(x)
    raw = raw.float()
    return loss_of(raw, decode(raw, points, strides), points, strides, targets.to(device))


def has_bfloat16():
    """Whether processor and PyTorch multiply bfloat16 by themselves; otherwise it is slower than float32."""
    if int(torch.__version__.split(".")[0]) < 2:
        return False
    try:
        with open("/proc/cpuinfo") as f:
            return "avx512_bf16" in f.read()
    except OSError:
        return False


def run(rank, a, size, meet=None):
    """One trainer."""
    torch.manual_seed(a.seed)
    cv2.setNumThreads(1)
    if size > 1:
        torch.set_num_threads(1)
    team = Team(rank, size, meet)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    amp = device.type == "cuda" or has_bfloat16()
    net = Nano().to(device).to(memory_format=torch.channels_last)
    first = 0
    if a.resume:
        saved = torch.load(a.resume, map_location=device, weights_only=True)
        net.load_state_dict(saved["ema"])
        first = saved["seen"]
    if a.settled:
        net.settle()
    if rank == 0:
        os.makedirs(a.out, exist_ok=True)
        print(f"{sum(p.numel() for p in net.parameters())} parameters, {size} × {device}, bfloat16 {amp}", flush=True)
    batches = [data.loader(a.data, a.batch // size, a.workers, seed=a.seed + 7919 * rank + first + w, reach=a.reach, plain=a.plain,
                           width=w, height=h) for w, h in (a.cut, (WIDTH, HEIGHT))]
    fit(a, team, net, device, amp, [iter(b) for b in batches], first)


def fit(a, team, net, device, amp, batches, seen):
    """Steps until the time is used."""
    opt, ema, frames = optimiser(net, a.lr), Average(net, a.average), data.Frames(a.val)
    grids = [grid(w, h, device) for w, h in (a.cut, (WIDTH, HEIGHT))]
    began, first, best, told, sums, n, share = time.monotonic(), seen, -1.0, a.every, np.zeros(3), 0, 0.0
    losses = []
    net.train()
    for i in itertools.count():
        whole = int(share >= a.cuts)
        batch, (points, strides) = next(batches[whole]), grids[whole]
        for group in opt.param_groups:
            group["lr"] = a.lr * rate(share, i, a.warm)
        loss, cls, box = step(net, batch, points, strides, device, amp)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        seen += len(batch[0]) * team.size
        minutes = (time.monotonic() - began) / 60
        share = team.mean(net, (seen - first) / a.samples if a.samples else minutes / a.minutes)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        opt.step()
        ema.update(net)
        losses.append(loss.item())
        sums, n = sums + [losses[-1], cls.item(), box.item()], n + 1
        if (i + 1) % 50 == 0 and team.rank == 0:
            print(f"{minutes:6.1f} min  {seen} samples  {(seen - first) / minutes / 60:.0f}/s  loss {sums[0] / n:.3f}  "
                  f"cls {sums[1] / n:.3f}  box {sums[2] / n:.3f}  lr {opt.param_groups[0]['lr']:.5f}", flush=True)
            sums, n = np.zeros(3), 0
        if share < 1 and share * a.minutes < told:
            continue
        told = share * a.minutes + a.every
        s = validate(ema.net, frames, a.skip, team, a.must_learn > 0)
        if team.rank == 0:
            if not a.must_learn:
                evaluate.show(a.val, s)
            save(os.path.join(a.out, "last.pt"), net, ema, opt, seen=seen, mAP50=s["mAP50"])
            if s["mAP50"] > best:
                best = s["mAP50"]
                save(os.path.join(a.out, "best.pt"), net, ema, opt, seen=seen, mAP50=best)
        if share >= 1:
            break
    if a.must_learn and team.rank == 0:
        learned(losses, s["mAP50"], a.must_learn)


def learned(losses, score, least):
    """Ends the program with an error unless something was learned."""
    k = max(1, len(losses) // 10)
    first, last = float(np.mean(losses[:k])), float(np.mean(losses[-k:]))
    print(f"loss {first:.2f} at first, {last:.2f} at last; AP50 of things whatever their class {score:.3f}", flush=True)
    if last > first / 2 or not score >= least:
        raise SystemExit(f"it did not learn: the loss must halve and that AP50 reach {least}")


def main():
    a = arguments()
    if torch.cuda.is_available() or a.procs == 1:
        run(0, a, 1)
    else:
        with tempfile.TemporaryDirectory() as folder:
            try:
                mp.spawn(run, (a, a.procs, os.path.join(folder, "meet")), a.procs)
            except mp.ProcessExitedException as e:  # it has said why
                sys.exit(e.exit_code)


if __name__ == "__main__":
    main()
