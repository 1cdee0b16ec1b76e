#!/usr/bin/python3
"""Photographs to templates by OpenCV, in one process or several: photographs a second and the memory of one process.

    bench/tool/enrol_opencv.py PROCESSES DETECTOR SIDE KIND RECOGNISER PHOTO...

KIND is yunet or scrfd.  Nothing is stored: bench/enrol.sh sets it beside an
enrolment that keeps photograph, template and a record of both.
"""
import multiprocessing, os, resource, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import cv2
from pipeline_opencv import Detector, theirs


def work(files, model, barrier, times):
    detector, side, kind, recogniser = model
    photos = [open(f, 'rb').read() for f in files]
    net = cv2.dnn.readNetFromONNX(recogniser)
    found = Detector(detector, side, kind)
    theirs(photos[:2], found, net)
    barrier.wait()
    theirs(photos, found, net)
    times.put((time.time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def main():
    processes = int(sys.argv[1])
    model = (sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
    files = sys.argv[6:]
    multiprocessing.set_start_method('spawn')
    barrier, times = multiprocessing.Barrier(processes + 1), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(files[i::processes], model, barrier, times)) for i in range(processes)]
    for w in workers:
        w.start()
    barrier.wait()
    start = time.time()
    ends = [times.get() for _ in workers]
    for w in workers:
        w.join()
    print('%.1f %d' % (len(files) / (max(e for e, _ in ends) - start), max(m for _, m in ends)))


if __name__ == '__main__':
    main()
