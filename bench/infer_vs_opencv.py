#!/usr/bin/python3
"""Milliseconds per run, the runner against single-threaded cv2.dnn, per model.

usage: infer_vs_opencv.py [INFER MODELS_DIR [ROUNDS]]

INFER is bench/infer.c, built.  Rounds alternate between the two, so that a
busy machine slows both; each figure is the median of its rounds' medians.
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
    line = subprocess.run([program, "-r", str(RUNS), "-s", f"{height}x{width}", path], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return float(line.split("\t")[1].split(" ")[0])


def main():
    if len(sys.argv) > 2:
        program, folder = sys.argv[1:3]
    else:
        program = "build/bench/infer"
        folder = os.path.join(os.environ.get("FACESNXT_DATA", "../shared/data"), "models")
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    cv2.setNumThreads(1)
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        name = os.path.basename(path)
        if name not in SIDES:
            continue
        height, width = SIDES[name]
        net = cv2.dnn.readNetFromONNX(path)
        names = net.getUnconnectedOutLayersNames()
        data = np.random.default_rng(1).random((1, 3, height, width), np.float32)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(runner(program, path, height, width))
            theirs.append(opencv(net, names, data))
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{name}: {a:.2f} ms, cv2.dnn {b:.2f} ms, ratio {a / b:.2f}")


if __name__ == "__main__":
    main()
