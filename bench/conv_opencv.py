#!/usr/bin/python3
"""Median milliseconds of one forward pass of each face model in cv2.dnn.

    conv_opencv.py [DIRECTORY OF MODELS] [RUNS]

One thread.  The time is the process's own CPU time, like that of bench/conv.c,
so that a busy machine disturbs it less.  A whole forward pass also holds what
is no convolution (a few per cent); bench/conv.c times the convolutions alone.
"""
import os

os.environ['OPENBLAS_NUM_THREADS'] = '1'

import sys
import time

import cv2
import numpy as np

# file: (width, height); the files whose size is free are not for cv2 4.6
MODELS = {
    'mobilefacenet.facegate.onnx': (112, 112),
    'mobilefacenet.kennethwang.onnx': (112, 112),
    'yunet_n_320_320.onnx': (320, 320),
    'face_detection_yunet_2023mar.onnx': (640, 640),
    'scrfd_500m_kps.onnx': (640, 640),
    'scrfd_2.5g_kps.onnx': (640, 640),
    'version-RFB-320.onnx': (320, 240),
}


def main():
    data = os.environ.get('FACESNXT_DATA', '../shared/data')
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(data, 'models')
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 21
    cv2.setNumThreads(1)
    print('OpenCV', cv2.__version__)
    for name, (width, height) in MODELS.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            print('%-36s absent' % name)
            continue
        net = cv2.dnn.readNetFromONNX(path)
        outputs = net.getUnconnectedOutLayersNames()
        image = np.random.RandomState(1).rand(1, 3, height, width).astype(np.float32)
        times = []
        for i in range(runs + 2):
            net.setInput(image)
            start = time.process_time()
            net.forward(outputs)
            if i >= 2:
                times.append((time.process_time() - start) * 1e3)
        print('%-36s %8.3f ms (best %.3f) at %dx%d' % (name, sorted(times)[len(times) // 2], min(times), width, height))


if __name__ == '__main__':
    main()
