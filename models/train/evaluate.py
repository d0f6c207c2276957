"""Scores of an ONNX file on rendered frames: average precision a class and a condition, and how many
people are found at a precision of 0.9. A quick look while training; the figures of the model card
are those of `bongsu-edge model score`.

    python evaluate.py ../nano/bongsu-nano.onnx DATASET ...
"""

import argparse
import json

import cv2
import numpy as np

from data import Frames, fit
from net import CLASSES, HEIGHT, WIDTH

LOW, NMS_IOU, MATCH = 0.02, 0.6, 0.5
LEAST_VISIBLE, LEAST_HEIGHT = 0.5, 24 / 360  # of a thing; of the picture's height


def detections(out, low=LOW, nms_iou=NMS_IOU):
    """The output [4 + classes, cells] of one picture as rows of class, score, x0, y0, x1, y1, best
    first, suppressed within each class."""
    cls = out[4:].argmax(0)
    score = out[4:].max(0)
    keep = np.flatnonzero(score >= low)
    keep = keep[np.argsort(-score[keep])][:400]
    b = out[:4, keep]
    box = np.stack([b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2], 1)
    cls, score = cls[keep], score[keep]
    shift = box + (cls * 4096.0)[:, None]
    alive, rows = np.ones(len(keep), bool), []
    for i in range(len(keep)):
        if not alive[i]:
            continue
        rows.append((cls[i], score[i], *box[i]))
        rest = np.flatnonzero(alive[i + 1:]) + i + 1
        alive[rest[iou_with(shift[i], shift[rest]) > nms_iou]] = False
    return np.array(rows, np.float32).reshape(-1, 6)


def iou_with(a, b):
    """IoU of box a [4] with boxes b [n, 4]."""
    wh = (np.minimum(a[2:], b[:, 2:]) - np.maximum(a[:2], b[:, :2])).clip(0)
    inter = wh.prod(1)
    return inter / (((a[2:] - a[:2]).prod() + (b[:, 2:] - b[:, :2]).prod(1) - inter) + 1e-9)


def match(dets, boxes, height):
    """Marks a picture's detections: rows of class, score and 1 right, 0 wrong, −1 not judged; and the
    number of things to find a class. boxes as data.Frames has them, in the same pixels."""
    judged = (boxes[:, 5] >= LEAST_VISIBLE) & (boxes[:, 4] - boxes[:, 2] >= LEAST_HEIGHT * height)
    found, rows = np.zeros(len(boxes), bool), []
    for c, score, *box in dets:
        box = np.array(box)
        right = -1 if box[3] - box[1] < LEAST_HEIGHT * height else 0
        same = np.flatnonzero((boxes[:, 0] == c) & ~found)
        iou = iou_with(box, boxes[same, 1:5]) if len(same) else np.zeros(0)
        for ok, verdict in ((judged[same], 1), (~judged[same], -1)):
            v = np.where(ok, iou, 0)
            if len(v) and v.max() >= MATCH:
                found[same[v.argmax()]] = True
                right = verdict
                break
        rows.append((c, score, right))
    need = np.bincount(boxes[judged, 0].astype(int), minlength=len(CLASSES))
    return np.array(rows, np.float32).reshape(-1, 3), need


def curve(rows):
    """Running counts of right ones and precision over rows of score and verdict, best first."""
    rows = rows[rows[:, 1] >= 0]
    rows = rows[np.argsort(-rows[:, 0], kind="stable")]
    tp = np.cumsum(rows[:, 1])
    return tp, tp / np.arange(1, len(rows) + 1), rows[:, 0]


def average_precision(rows, need):
    """Area under the precision envelope at every recall; NaN when there was nothing to find."""
    if need == 0:
        return float("nan")
    tp, precision, _ = curve(rows)
    if not len(tp):
        return 0.0
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall = tp / need
    return float(np.sum(np.diff(np.concatenate([[0], recall])) * envelope))


def recall_at(rows, need, precision=0.9):
    """The highest recall at that precision or better, and the score from which it holds."""
    tp, p, score = curve(rows)
    ok = np.flatnonzero(p >= precision)
    return (float(tp[ok[-1]] / max(need, 1)), float(score[ok[-1]])) if len(ok) else (0.0, 1.0)


def predict(run, frames, which, any_class=False):
    """Runs pictures one by one; gives rows, needs and labels a frame. any_class: every thing and every
    detection counts as of the first class, so that the figures say whether things are found at all."""
    for i in which:
        x, s = fit(frames.rgb(i))
        dets = detections(run(x))
        boxes = frames.boxes[i].copy()
        boxes[:, 1:5] *= s
        if any_class:
            dets[:, 0] = boxes[:, 0] = 0
        rows, need = match(dets, boxes, frames.height * s)
        yield rows, need, frames.labels[i]


def onnx_runner(path, threads=1):
    """A function from a picture [h, w, 3] of bytes to the output."""
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads = threads
    session = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x.transpose(2, 0, 1)[None].astype(np.float32) / 255})[0][0]


def score(results):
    """All figures of a list of what predict gives."""
    def aps(part):
        rows = np.concatenate([r for r, _, _ in part])
        need = np.sum([n for _, n, _ in part], 0)
        return {CLASSES[c]: average_precision(rows[rows[:, 0] == c, 1:], need[c]) for c in range(len(CLASSES))}, rows, need
    by_class, rows, need = aps(results)
    person = rows[rows[:, 0] == 0, 1:]
    recall, at = recall_at(person, need[0])
    out = {"frames": len(results), "mAP50": float(np.nanmean(list(by_class.values()))), "AP": by_class,
           "things": dict(zip(CLASSES, map(int, need))),
           "person recall at precision 0.9": recall, "from score": at, "conditions": {}}
    for key in ("time", "weather"):
        for value in sorted({l[key] for _, _, l in results}):
            ap, _, n = aps([r for r in results if r[2][key] == value])
            enough = [ap[c] for i, c in enumerate(CLASSES) if n[i] >= 20]
            out["conditions"][f"{key} {value}"] = {"person": ap["person"], "mAP50": float(np.mean(enough)) if enough else float("nan")}
    return out


def show(name, s):
    """Prints figures for people."""
    print(f"{name}: {s['frames']} frames, mAP50 {s['mAP50']:.3f}, person recall {s['person recall at precision 0.9']:.3f} "
          f"at precision 0.9 (score {s['from score']:.2f})")
    print("   " + "  ".join(f"{c} {v:.3f} ({s['things'][c]})" for c, v in s["AP"].items()))
    print("   " + "  ".join(f"{k}: person {v['person']:.2f} all {v['mAP50']:.2f};" for k, v in s["conditions"].items()), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("model")
    p.add_argument("folders", nargs="+")
    p.add_argument("--every", type=int, default=1, help="take one frame of so many")
    p.add_argument("--json", help="also write the figures here")
    a = p.parse_args()
    cv2.setNumThreads(1)
    run, scores = onnx_runner(a.model), {}
    for folder in a.folders:
        frames = Frames(folder)
        scores[folder] = score(list(predict(run, frames, range(0, len(frames), a.every))))
        show(folder, scores[folder])
    if a.json:
        with open(a.json, "w") as f:
            json.dump(scores, f, indent=1)


if __name__ == "__main__":
    main()
