#!/usr/bin/python3
"""Milliseconds per run and memory, the runner against single-threaded cv2.dnn, per model.

usage: infer_vs_opencv.py [INFER MODELS_DIR [ROUNDS]]

INFER is bench/infer.c, built.  Rounds alternate between the two, so that a
busy machine slows both; each figure is the median of its rounds' medians.  Memory is
the peak resident set of a process of its own that loads and runs the model: for
cv2.dnn less what Python and OpenCV take without one.
"""
import glob
import os
import statistics
import subprocess
import sys
import time

import cv2
import numpy as np

RUNS = 11
SIDES = {
    "face_detection_yunet_2023mar.onnx": (640, 640),
    "scrfd_2.5g_kps.onnx": (640, 640),
    "scrfd_500m_kps.onnx": (640, 640),
    "version-RFB-320.onnx": (240, 320),
    "yunet_n_320_320.onnx": (320, 320),
    "mobilefacenet.facegate.onnx": (112, 112),
    "mobilefacenet.kennethwang.onnx": (112, 112),
}


def opencv(net, names, data):
    """Median milliseconds of one forward pass."""
    times = []
    for i in range(RUNS + 2):
        start = time.perf_counter()
        net.setInput(data)
        net.forward(names)
        if i >= 2:
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def runner(program, path, height, width):
    """Median milliseconds of one run, and megabytes."""
    parts = subprocess.run([program, "-r", str(RUNS), "-s", f"{height}x{width}", path], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split("\t")
    return float(parts[1].split(" ")[0]), float(parts[4].split(" ")[1])


def peak():
    """Megabytes; what getrusage() says would be that of the parent, from before the exec."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def weigh(path, height, width):
    """In a process of its own: megabytes that loading and running a model adds."""
    before = peak()
    opencv(*load(path, height, width))
    print(peak() - before)


def load(path, height, width):
    net = cv2.dnn.readNetFromONNX(path)
    return net, net.getUnconnectedOutLayersNames(), np.random.default_rng(1).random((1, 3, height, width), np.float32)


def main():
    cv2.setNumThreads(1)
    if sys.argv[1:2] == ["--weigh"]:
        return weigh(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    if len(sys.argv) > 2:
        program, folder = sys.argv[1:3]
    else:
        program = "build/bench/infer"
        folder = os.path.join(os.environ.get("FACESNXT_DATA", "../shared/data"), "models")
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        name = os.path.basename(path)
        if name not in SIDES:
            continue
        height, width = SIDES[name]
        net, names, data = load(path, height, width)
        ours, theirs, memory = [], [], 0
        for _ in range(rounds):
            milliseconds, memory = runner(program, path, height, width)
            ours.append(milliseconds)
            theirs.append(opencv(net, names, data))
        a, b = statistics.median(ours), statistics.median(theirs)
        line = subprocess.run([sys.executable, os.path.abspath(__file__), "--weigh", path, str(height), str(width)],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        print(f"{name}: {a:.2f} ms, cv2.dnn {b:.2f} ms, ratio {a / b:.2f}; "
              f"{memory:.1f} MB, cv2.dnn {float(line):.1f} MB")
    return None


if __name__ == "__main__":
    main()
