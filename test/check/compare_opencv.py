#!/usr/bin/python3
"""Every model on random input: the runner against cv2.dnn.

usage: compare_opencv.py RUN_MODEL MODELS_DIR

RUN_MODEL is what `make build/bench/run_model` builds.  Prints per output the greatest
difference relative to the output's greatest magnitude, and fails above 1e-4.
"""
import glob
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

BOUND = 1e-4
SHAPES = {
    "face_detection_yunet_2023mar.onnx": (1, 3, 640, 640),
    "mobilefacenet.facegate.onnx": (1, 3, 112, 112),
    "mobilefacenet.kennethwang.onnx": (1, 3, 112, 112),
    "scrfd_2.5g_kps.onnx": (1, 3, 640, 640),
    "scrfd_500m_kps.onnx": (1, 3, 640, 640),
    "version-RFB-320.onnx": (1, 3, 240, 320),
    "yunet_n_320_320.onnx": (1, 3, 320, 320),
    "yunet_n_dynamic.onnx": (1, 3, 320, 320),
}
# OpenCV 4.6 reads no shape arithmetic; the file of the same network at a fixed size has the same weights.
STAND_IN = {"yunet_n_dynamic.onnx": "yunet_n_320_320.onnx"}


def run(program, model, data, work):
    """The runner's outputs by name."""
    source, target = os.path.join(work, "in.f32"), os.path.join(work, "out.f32")
    data.tofile(source)
    lines = subprocess.run([program, model, source, target] + [str(d) for d in data.shape], check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split("\n")
    flat = np.fromfile(target, np.float32)
    outputs = {}
    for line in filter(None, lines):
        name, *dims = line.split(" ")
        shape = [int(d) for d in dims]
        size = int(np.prod(shape))
        outputs[name], flat = flat[:size].reshape(shape), flat[size:]
    return outputs


def main():
    program, folder = sys.argv[1:3]
    random = np.random.default_rng(1)
    worst = 0.0
    with tempfile.TemporaryDirectory() as work:
        for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
            name = os.path.basename(path)
            if name not in SHAPES:
                continue
            scale = 255 if "yunet" in name else 2
            data = (random.random(SHAPES[name], np.float32) - (0 if scale == 255 else 0.5)) * np.float32(scale)
            ours = run(program, path, data, work)
            net = cv2.dnn.readNetFromONNX(os.path.join(folder, STAND_IN.get(name, name)))
            net.setInput(data)
            names = list(ours)
            theirs = net.forward(names)
            greatest = 0.0
            for output, reference in zip(names, theirs):
                if ours[output].size != reference.size:
                    print(f"{name} {output}: {ours[output].shape} against {reference.shape}")
                    sys.exit(1)
                difference = np.abs(ours[output].ravel() - reference.ravel()).max() / np.abs(reference).max()
                greatest = max(greatest, float(difference))
            print(f"{name}: {greatest:.2e} over {len(names)} outputs")
            worst = max(worst, greatest)
    print(f"worst {worst:.2e}, bound {BOUND:.0e}")
    sys.exit(worst > BOUND)


if __name__ == "__main__":
    main()
