#!/usr/bin/python3
"""Outputs, detections and templates of each model on photographs, against cv2.dnn.

usage: equal_opencv.py [PHOTOGRAPHS [MODEL...]]

PHOTOGRAPHS (1000) of FACESNXT_DATA are decoded by OpenCV and handed to both as
pixels.  For each model the worst of all photographs is printed: of the outputs,
the greatest difference relative to the greatest number of the output; of the
faces, the greatest difference of a corner or landmark relative to the face's
width, and how many photographs have another number of faces; of templates, the
greatest difference relative to the greatest number.  Above 1e-3 it fails.

A face whose score is within 1e-3 of the threshold may be there or not.  Where two
boxes of one face have the same score within 1e-4, which of them is left out is
chance: such ties are counted, and the box is compared with the one it is.
Needs build/bench/tool/faces and Debian's python3-opencv.
"""
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

BOUND = 1e-3
THRESHOLD = 0.5
CHUNK = 50
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
DATA = os.environ.get("FACESNXT_DATA") or os.path.join(ROOT, "..", "shared", "data")
PROGRAM = os.path.join(ROOT, "build", "bench", "tool", "faces")

# file: kind, width, height, order, mean, scale, overlap of two faces
MODELS = {
    "yunet_n_320_320.onnx": ("yunet", 320, 320, "BGR", 0, 1, 0.3),
    "yunet_n_dynamic.onnx": ("yunet", 320, 320, "BGR", 0, 1, 0.3),
    "face_detection_yunet_2023mar.onnx": ("yunet", 640, 640, "BGR", 0, 1, 0.3),
    "scrfd_500m_kps.onnx": ("scrfd", 640, 640, "RGB", 127.5, 1 / 128, 0.4),
    "scrfd_2.5g_kps.onnx": ("scrfd", 640, 640, "RGB", 127.5, 1 / 128, 0.4),
    "version-RFB-320.onnx": ("ultraface", 320, 240, "RGB", 127, 1 / 128, 0.3),
    "mobilefacenet.kennethwang.onnx": ("template", 112, 112, "BGR", 127.5, 1 / 127.5, 0),
    "mobilefacenet.facegate.onnx": ("template", 112, 112, "RGB", 127.5, 1 / 127.5, 0),
}
# OpenCV 4.6 reads no shape arithmetic; the file of the same network at a fixed size has the same weights.
STAND_IN = {"yunet_n_dynamic.onnx": "yunet_n_320_320.onnx"}


def picture(path, kind, width, height):
    """Red first.  A detector sees the whole photograph, a recogniser the middle, where LFW's faces are."""
    photo = cv2.imread(path, cv2.IMREAD_COLOR)[:, :, ::-1]
    if kind == "template":
        y, x = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        photo = photo[y:y + height, x:x + width]
    return np.ascontiguousarray(cv2.resize(photo, (width, height)))


def yunet(outputs, width, height):
    for stride in (8, 16, 32):
        across, down = width // stride, height // stride
        y, x = np.divmod(np.arange(across * down), across)
        part = {k: outputs[f"{k}_{stride}"].reshape(across * down, -1).astype(np.float64)
                for k in ("cls", "obj", "bbox", "kps")}
        score = np.sqrt(np.clip(part["cls"][:, 0], 0, 1) * np.clip(part["obj"][:, 0], 0, 1))
        at = np.stack([x, y], 1)
        size = np.exp(part["bbox"][:, 2:]) * stride
        corner = (at + part["bbox"][:, :2]) * stride - size / 2
        points = (part["kps"].reshape(-1, 5, 2) + at[:, None]) * stride
        yield corner, size, points.reshape(-1, 10), score


def scrfd(outputs, width, height):
    values = list(outputs.values())
    for level, stride in enumerate((8, 16, 32)):
        across, down = width // stride, height // stride
        y, x = np.divmod(np.arange(across * down), across)
        at = np.repeat(np.stack([x, y], 1), 2, 0) * stride
        score, box, points = (values[i * 3 + level].reshape(len(at), -1).astype(np.float64) for i in range(3))
        corner = at - box[:, :2] * stride
        size = (box[:, :2] + box[:, 2:]) * stride
        yield corner, size, (points.reshape(-1, 5, 2) * stride + at[:, None]).reshape(-1, 10), score[:, 0]


def ultraface(outputs, width, height):
    box = outputs["boxes"].reshape(-1, 4).astype(np.float64) * [width, height, width, height]
    score = outputs["scores"].reshape(-1, 2)[:, 1].astype(np.float64)
    yield box[:, :2], box[:, 2:] - box[:, :2], np.zeros((len(box), 10)), score


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def faces_of(outputs, kind, width, height, nms):
    """Rows x, y, width, height, ten of landmarks, score, best first: without what overlaps a better one, and all."""
    found = []
    head = {"yunet": yunet, "scrfd": scrfd, "ultraface": ultraface}[kind]
    for corner, size, points, score in head(outputs, width, height):
        m = (score > THRESHOLD) & (size > 0).all(1)
        found.append(np.hstack([corner, size, points, score[:, None]])[m])
    rows = np.vstack(found)
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    kept = []
    for row in rows:
        if all(overlap(row, k) <= nms for k in kept):
            kept.append(row)
    return kept, rows


def difference_of(a, b):
    return max(np.abs(a[:14] - b[:14]).max() / b[2], abs(a[14] - b[14]))


def compare_faces(ours, theirs, candidates):
    """Greatest difference relative to the face's width, and ties; None when there is a face on one side only."""
    worst, ties = 0.0, 0
    left = list(ours)
    for t in theirs:
        best = max(left, key=lambda o: overlap(o, t), default=None)
        if best is None or overlap(best, t) < 0.9:
            if abs(t[14] - THRESHOLD) > BOUND:
                return None, 0
            continue
        left = [o for o in left if o is not best]
        difference = difference_of(best, t)
        if difference > BOUND:
            tied = [difference_of(best, c) for c in candidates if abs(c[14] - t[14]) < 1e-4]
            if tied and min(tied) <= BOUND:
                difference = min(tied)
                ties += 1
        worst = max(worst, difference)
    return (None, 0) if any(abs(o[14] - THRESHOLD) > BOUND for o in left) else (worst, ties)


class Runner:
    """The results of build/bench/tool/faces on some pictures."""

    def __init__(self, path, spec, pictures, work):
        kind, width, height, order, mean, scale, nms = spec
        command = [PROGRAM, path, str(width), str(height), order, str(mean), repr(scale)]
        if kind != "template":
            command += [str(THRESHOLD), str(nms)]
        name = os.path.join(work, "pictures")
        with open(name, "wb") as file:
            for p in pictures:
                file.write(p.tobytes())
        with open(name, "rb") as file:
            done = subprocess.run(command, stdin=file, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(done.stderr.decode())
        self.sizes = [(n, int(c)) for n, c in (line.rsplit(" ", 1) for line in done.stderr.decode().splitlines())]
        self.flat = np.frombuffer(done.stdout, np.float32)
        self.detects = kind != "template"

    def take(self, count):
        values, self.flat = self.flat[:count], self.flat[count:]
        return values

    def photograph(self):
        outputs = {name: self.take(size) for name, size in self.sizes}
        count = int(self.take(1)[0]) if self.detects else 0
        return outputs, self.take(count * 15).reshape(count, 15).astype(np.float64)


def compare(name, files):
    spec = MODELS[name]
    kind, width, height, order, mean, scale, nms = spec
    path = os.path.join(DATA, "models", name)
    net = cv2.dnn.readNetFromONNX(os.path.join(DATA, "models", STAND_IN.get(name, name)))
    of_output = of_face = 0.0
    faces = others = ties = 0
    with tempfile.TemporaryDirectory() as work:
        for first in range(0, len(files), CHUNK):
            pictures = [picture(f, kind, width, height) for f in files[first:first + CHUNK]]
            runner = Runner(path, spec, pictures, work)
            names = [n for n, _ in runner.sizes]
            for p in pictures:
                ours, our_faces = runner.photograph()
                net.setInput(cv2.dnn.blobFromImage(p, scale, mean=(mean,) * 3, swapRB=order == "BGR"))
                theirs = dict(zip(names, (o.ravel() for o in net.forward(names))))
                for n in names:
                    difference = np.abs(ours[n] - theirs[n]).max() / np.abs(theirs[n]).max()
                    of_output = max(of_output, float(difference))
                if kind != "template":
                    reference, candidates = faces_of(theirs, kind, width, height, nms)
                    difference, tied = compare_faces(our_faces, reference, candidates)
                    faces += len(reference)
                    ties += tied
                    others += difference is None
                    of_face = max(of_face, difference or 0.0)
    line = f"{name}: {len(files)} photographs, outputs {of_output:.1e}"
    if kind != "template":
        line += f"; {faces} faces {of_face:.1e}, {ties} ties, photographs with other faces {others}"
    print(line, flush=True)
    return of_output <= BOUND and of_face <= BOUND and others == 0


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    names = sys.argv[2:] or list(MODELS)
    try:
        with open(os.path.join(DATA, "vectors", "lfw_names.txt"), encoding="ascii") as file:
            files = [os.path.join(DATA, "faces", "lfw", n) for n in file.read().split("\n") if n]
    except OSError:
        print("left out: there are no photographs at", DATA)
        return 0
    # evenly among all persons
    files = files[::max(1, len(files) // count)][:count]
    cv2.setNumThreads(1)
    right = [compare(name, files) for name in names]
    print(f"bound {BOUND:.0e}:", "met" if all(right) else "MISSED")
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
