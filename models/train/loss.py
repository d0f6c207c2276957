"""What the network is told: which cells answer for which box, and how wrong they are.

Assignment follows task-aligned learning (Feng et al., TOOD, arXiv:2108.07755): of the cells inside a
box, those answer whose score and box already fit it best; the score they should give is how well
their box fits. Boxes: complete IoU (Zheng et al., arXiv:1911.08287).
"""

import math

import torch
import torch.nn.functional as F

TOP, ALPHA, BETA = 10, 0.5, 6.0
BOX_WEIGHT = 6.5


def iou_of(a, b, complete=False):
    """IoU of boxes [n, 4] pair by pair; complete: less the penalties for distance and shape."""
    lt, rb = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(1)
    wa, wb = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    iou = inter / (wa.prod(1) + wb.prod(1) - inter + 1e-7)
    if not complete:
        return iou
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    gap = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).square().sum(1)
    v = 4 / math.pi ** 2 * (torch.atan(wa[:, 0] / (wa[:, 1] + 1e-7)) - torch.atan(wb[:, 0] / (wb[:, 1] + 1e-7))).square()
    with torch.no_grad():
        alpha = v / (1 - iou + v + 1e-7)
    return iou - gap / (hull.square().sum(1) + 1e-7) - alpha * v


def inside(points, strides, box):
    """Which cells lie in which box [boxes, cells]; small ones count as 12 pixels at stride 8."""
    middle, half = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]) / 2
    least = torch.where(strides == strides.min(), 6.0, 0.0)
    d = (points[None] - middle[:, None]).abs()
    return (d < torch.maximum(half[:, None], least[None, :, None])).all(-1)


@torch.no_grad()
def assign(scores, boxes, points, strides, gt):
    """Pairs of (sample, cell, row of gt, wanted score) for gt rows of sample, class, box.

    scores [batch, cells, classes] are probabilities, boxes [batch, cells, 4]."""
    cells = len(points)
    g, n = inside(points, strides, gt[:, 2:6]).nonzero(as_tuple=True)
    b, c = gt[g, 0].long(), gt[g, 1].long()
    iou = iou_of(boxes[b, n], gt[g, 2:6])
    fit = scores[b, n, c].clamp(min=1e-4) ** ALPHA * iou.clamp(min=0.01) ** BETA
    dense = torch.zeros(len(gt), cells)
    dense = dense.to(fit.device)
    dense[g, n] = fit
    least = dense.topk(TOP, 1).values[:, -1]
    keep = fit >= torch.maximum(least[g], torch.full_like(fit, 1e-30))
    g, n, b, iou, fit = g[keep], n[keep], b[keep], iou[keep], fit[keep]
    at = b * cells + n
    best = torch.zeros(len(scores) * cells, device=fit.device).scatter_reduce(0, at, fit, "amax")
    keep = fit >= best[at]
    g, n, b, iou, fit = g[keep], n[keep], b[keep], iou[keep], fit[keep]
    top_fit = torch.zeros(len(gt), device=fit.device).scatter_reduce(0, g, fit, "amax")
    top_iou = torch.zeros(len(gt), device=fit.device).scatter_reduce(0, g, iou, "amax")
    want = fit / top_fit[g].clamp(min=1e-30) * top_iou[g].clamp(min=0.1)
    return b, n, g, want


def loss_of(raw, boxes, points, strides, targets):
    """The loss of a batch and its parts. raw [batch, 4 + classes, cells], boxes decoded from it,
    targets as data.collate makes them."""
    raw = raw.float()
    logits = raw[:, 4:].transpose(1, 2)
    wanted, weight = torch.zeros_like(logits), torch.ones_like(logits[..., 0])
    skip = targets[targets[:, 6] > 0]
    if len(skip):
        g, n = inside(points, strides, skip[:, 2:6]).nonzero(as_tuple=True)
        weight[skip[g, 0].long(), n] = 0
    gt = targets[targets[:, 6] == 0]
    box_loss = raw.sum() * 0
    if len(gt):
        b, n, g, want = assign(logits.detach().sigmoid(), boxes.detach(), points, strides, gt)
        wanted[b, n, gt[g, 1].long()] = want
        weight[b, n] = 1
        box_loss = ((1 - iou_of(boxes[b, n], gt[g, 2:6], True)) * want).sum()
    total = wanted.sum().clamp(min=1)
    cls = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight[..., None]
    cls_loss = cls.sum() / total
    box_loss = box_loss / total
    return cls_loss + BOX_WEIGHT * box_loss, cls_loss.detach(), box_loss.detach()
