"""Tests of the recipe's parts. `python test_recipe.py` runs them in a few seconds; run.sh does so first."""

import json
import os
import tempfile
import unittest

import cv2
import numpy as np
import torch

import data
import evaluate
import export
import loss
import net

SEED = int(os.environ.get("SEED", np.random.SeedSequence().entropy % 2 ** 31))
print(f"SEED={SEED}")


def write_set(folder, pictures, boxes, width=64, height=36):
    """A data set of grey pictures, as the program writes one."""
    os.makedirs(folder)
    with open(os.path.join(folder, "frames.i420"), "wb") as f:
        for p in pictures:
            f.write(cv2.cvtColor(p, cv2.COLOR_RGB2YUV_I420).tobytes())
    with open(os.path.join(folder, "labels.jsonl"), "w") as f:
        for i, b in enumerate(boxes):
            f.write(json.dumps({"frame": i, "scene": "s", "time": "noon", "weather": "rain", "boxes": b}) + "\n")
    with open(os.path.join(folder, "dataset.json"), "w") as f:
        json.dump({"schema": 1, "look": "train", "width": width, "height": height, "format": "i420",
                   "frames": len(pictures), "classes": net.CLASSES}, f)


def box(name, x, y, w, h, visibility=1.0):
    return {"class": name, "x": x, "y": y, "w": w, "h": h, "visibility": visibility, "truncated": False}


class DataTest(unittest.TestCase):
    def test_boxes_stay_on_what_they_hold(self):
        """A white block in a black picture: after any cut, size and side its box is where the block is."""
        rng, seen = np.random.default_rng(SEED), 0
        for _ in range(300):
            rgb = np.zeros((360, 640, 3), np.uint8)
            x, y = int(rng.integers(0, 560)), int(rng.integers(0, 280))
            w, h = int(rng.integers(30, 80)), int(rng.integers(30, 80))
            rgb[y:y + h, x:x + w] = 255
            boxes = data.table([box("car", x, y, w, h)])
            for size in ((512, 288), (384, 224)):
                out, rows = data.place(rgb, boxes, rng, *size)
                self.assertEqual(out.shape, (size[1], size[0], 3))
                if not len(rows) or rows[0, 5] or tuple(out[0, 0]) != (0, 0, 0) or tuple(out[-1, -1]) != (0, 0, 0):
                    continue
                if tuple(out[0, -1]) != (0, 0, 0) or tuple(out[-1, 0]) != (0, 0, 0):
                    continue  # the border may be bright
                ys, xs = np.nonzero(out[..., 0] > 127)
                got = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
                seen += 1
                self.assertLess(np.abs(rows[0, 1:5] - got).max(), 2.5 * max(1, (got[2] - got[0]) / w), f"{rows} {got}")
        self.assertGreater(seen, 50)

    def test_little_is_ignored(self):
        """What is hidden or tiny is neither asked for nor punished."""
        rng = np.random.default_rng(SEED)
        boxes = data.table([box("person", 100, 100, 60, 100, 0.3), box("person", 300, 100, 20, 8), box("person", 400, 100, 60, 100)])
        for _ in range(50):
            _, rows = data.place(np.zeros((360, 640, 3), np.uint8), boxes, rng, 512, 288, reach=0)
            if len(rows) == 3:
                self.assertEqual(rows[0, 5], 1)

    def test_wanted_things_are_looked_at(self):
        """Of a car and a bag the bag is chosen more often, and what hardly shows hardly ever; what is too low or hidden is not asked for."""
        boxes = data.table([box("car", 1, 1, 40, 30), box("bag", 50, 1, 20, 20), box("bag", 5, 5, 20, 20, 0.1), box("bag", 5, 5, 4, 5)])
        rng = np.random.default_rng(SEED)
        picked = [tuple(data.chosen(boxes[:3], rng)) for _ in range(600)]
        car, bag, hidden = (sum(p == tuple(b) for p in picked) for b in boxes[:3])
        self.assertGreater(bag, car)
        self.assertLess(hidden, bag / 4)
        self.assertEqual(len(data.learnt(boxes)), 2)

    def test_pictures_stay_bytes(self):
        rng = np.random.default_rng(SEED)
        bank = data.noise_bank(rng, 96, 64)
        rgb = rng.integers(0, 255, (64, 96, 3)).astype(np.uint8)
        for _ in range(200):
            out = data.paint(rgb.copy(), rng, bank)
            self.assertEqual((out.shape, out.dtype), (rgb.shape, np.uint8))

    def test_sets_that_come_and_go(self):
        with tempfile.TemporaryDirectory() as top:
            grey = np.full((36, 64, 3), 100, np.uint8)
            write_set(os.path.join(top, "a"), [grey, grey], [[box("fire", 4, 4, 9, 9)], []])
            s = data.Samples([os.path.join(top, "*")])
            self.assertEqual(len(s.index), 2)
            self.assertGreater(s.weights[0], s.weights[1])
            write_set(os.path.join(top, "b"), [grey], [[]])
            s.refresh()
            self.assertEqual(len(s.index), 3)
            os.rename(os.path.join(top, "a"), os.path.join(top, ".a"))
            s.refresh()
            self.assertEqual(len(s.index), 1)

    def test_other_classes_are_refused(self):
        with tempfile.TemporaryDirectory() as top:
            folder = os.path.join(top, "a")
            write_set(folder, [], [])
            with open(os.path.join(folder, "dataset.json"), "w") as f:
                json.dump({"format": "i420", "classes": ["person"], "width": 64, "height": 36}, f)
            with self.assertRaises(ValueError):
                data.Frames(folder)

    def test_fit(self):
        out, s = data.fit(np.full((480, 640, 3), 9, np.uint8))
        self.assertAlmostEqual(s, 0.6)
        self.assertEqual((out[0, 383, 0], out[0, 384, 0]), (9, data.PAD))


class LossTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(SEED)
        self.points, self.strides = net.grid(128, 96)

    def test_iou(self):
        a, b = torch.tensor([[0., 0, 10, 10]]), torch.tensor([[5., 0, 15, 10]])
        self.assertAlmostEqual(loss.iou_of(a, b).item(), 1 / 3, places=5)
        self.assertAlmostEqual(loss.iou_of(a, a, True).item(), 1, places=5)
        self.assertLess(loss.iou_of(a, b + 100, True).item(), 0)

    def test_the_best_cell_answers(self):
        """Of equal scores the cell whose box is right gets the highest wanted score; other pictures get none."""
        gt = torch.tensor([[1., 4, 40, 30, 72, 62]])
        boxes = torch.zeros(2, len(self.points), 4)
        inside = loss.inside(self.points, self.strides, gt[:, 2:6])[0].nonzero()[:, 0]
        boxes[1, inside] = torch.tensor([44., 30, 80, 62])
        right = inside[len(inside) // 2]
        boxes[1, right] = gt[0, 2:6]
        b, n, g, want = loss.assign(torch.full((2, len(self.points), 10), 0.1), boxes, self.points, self.strides, gt)
        self.assertTrue((b == 1).all() and (g == 0).all())
        self.assertEqual(n[want.argmax()], right)
        self.assertAlmostEqual(want.max().item(), 1, places=3)

    def test_one_cell_one_box(self):
        gt = torch.tensor([[0., 0, 10, 10, 90, 90], [0., 1, 20, 20, 80, 80]])
        boxes = torch.rand(1, len(self.points), 4) * 40 + torch.tensor([0., 0, 50, 50])
        _, n, _, _ = loss.assign(torch.rand(1, len(self.points), 10), boxes, self.points, self.strides, gt)
        self.assertEqual(len(n), len(n.unique()))

    def test_ignored_places_do_not_count(self):
        raw = torch.randn(1, 14, len(self.points))
        targets = torch.tensor([[0., 0, 0, 0, 128, 96, 1]])
        box = net.decode(raw, self.points, self.strides)
        self.assertEqual(loss.loss_of(raw, box, self.points, self.strides, targets)[0].item(), 0)
        self.assertGreater(loss.loss_of(raw, box, self.points, self.strides, targets[:0])[0].item(), 1)

    def test_it_can_be_learned(self):
        """Free numbers in the network's place come to the boxes asked for."""
        raw = torch.nn.Parameter(torch.cat([torch.zeros(1, 4, len(self.points)), torch.full((1, 10, len(self.points)), -4.)], 1))
        opt = torch.optim.Adam([raw], 0.05)
        targets = torch.tensor([[0., 3, 20, 20, 60, 50, 0], [0., 7, 80, 40, 100, 90, 0]])
        for _ in range(150):
            total, _, _ = loss.loss_of(raw, net.decode(raw, self.points, self.strides), self.points, self.strides, targets)
            opt.zero_grad()
            total.backward()
            opt.step()
        boxes = net.decode(raw, self.points, self.strides)[0].detach()
        for t in targets:
            best = raw[0, 4 + int(t[1])].argmax()
            self.assertGreater(loss.iou_of(boxes[best][None], t[None, 2:6]).item(), 0.9)


class NetTest(unittest.TestCase):
    def test_export_says_what_training_says(self):
        torch.manual_seed(SEED)
        n = net.Nano()
        with torch.no_grad():
            for _ in range(2):
                n(torch.rand(2, 3, 96, 128))
        n.eval()
        x = torch.rand(2, 3, 96, 128)
        with torch.no_grad():
            raw = n(x)
            out = net.Exported(export.fused(n), 128, 96)(x)
        boxes = net.decode(raw, *net.grid(128, 96))
        half = out[:, 2:4] / 2
        mine = torch.cat([out[:, :2] - half, out[:, :2] + half], 1).transpose(1, 2)
        self.assertTrue(torch.allclose(boxes, mine, atol=1e-2))
        self.assertTrue(torch.allclose(raw[:, 4:].sigmoid(), out[:, 4:], atol=1e-4))

    def test_settled(self):
        """A settled network says what it said, goes on learning, and leaves norms and first stages alone."""
        torch.manual_seed(SEED)
        n = net.Nano()
        n.train()
        n(torch.rand(2, 3, 64, 96))  # so that the norms have seen something
        n.eval()
        x = torch.rand(1, 3, 64, 96)
        with torch.no_grad():
            before = n(x)
        n.settle()
        n.train()
        first, norm, head = n.stem[0].weight.clone(), n.s8[0][1].running_mean.clone(), n.heads[0].cls.weight.clone()
        raw = n(x)
        self.assertLess((raw - before).abs().max().item(), 1e-3 * before.abs().max().item())
        opt = torch.optim.AdamW(n.parameters(), lr=1e-2)
        raw.square().mean().backward()
        opt.step()
        self.assertTrue(torch.equal(first, n.stem[0].weight))
        self.assertTrue(torch.equal(norm, n.s8[0][1].running_mean))
        self.assertFalse(torch.equal(head, n.heads[0].cls.weight))

    def test_size(self):
        self.assertLess(sum(p.numel() for p in net.Nano().parameters()) * 4, 4_000_000)


class EvaluateTest(unittest.TestCase):
    def test_average_precision(self):
        rows = np.array([[0.9, 1], [0.8, 0], [0.7, 1], [0.6, -1]])
        self.assertAlmostEqual(evaluate.average_precision(rows, 2), 0.5 + 0.5 * 2 / 3)
        self.assertAlmostEqual(evaluate.average_precision(rows, 4), 0.25 + 0.25 * 2 / 3)
        self.assertTrue(np.isnan(evaluate.average_precision(rows, 0)))
        self.assertEqual(evaluate.recall_at(rows, 2), (0.5, 0.9))

    def test_match(self):
        boxes = data.table([box("person", 10, 10, 20, 60), box("person", 60, 10, 20, 60, 0.3), box("car", 100, 10, 80, 60)])
        dets = np.array([[0, 0.9, 10, 10, 30, 70], [0, 0.8, 11, 10, 31, 70], [0, 0.7, 60, 10, 80, 70], [4, 0.6, 0, 0, 60, 60]], np.float32)
        rows, need = evaluate.match(dets, boxes, 360)
        self.assertEqual(rows[:, 2].tolist(), [1, 0, -1, 0])
        self.assertEqual((need[0], need[4], need.sum()), (1, 1, 2))

    def test_suppression(self):
        out = np.zeros((14, 3), np.float32)
        out[:4] = np.array([[50, 50, 20, 40], [51, 50, 20, 40], [50, 50, 20, 40]]).T
        out[4, 0], out[4, 1], out[6, 2] = 0.9, 0.8, 0.7
        self.assertEqual(evaluate.detections(out)[:, 0].tolist(), [0, 2])


if __name__ == "__main__":
    unittest.main()
