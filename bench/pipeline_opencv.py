#!/usr/bin/python3
"""The stages of bench/pipeline.c beside OpenCV's on the same files and models, one thread each, in one run.

    bench/pipeline_opencv.py [ROUNDS]

Needs build/bench/pipeline, the test data and python3-opencv.  The two take
turns, so that a machine that slows down slows both.  For each detector the
medians and the ratio ours / OpenCV are printed: below 1 is faster.
"""
import os
os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = '1'
import statistics, subprocess, sys, time
import cv2, numpy as np

cv2.setNumThreads(1)
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
DATA = os.environ.get('FACESNXT_DATA') or os.path.join(ROOT, '..', 'shared', 'data')
PROGRAM = os.environ.get('PIPELINE', os.path.join(ROOT, 'build', 'bench', 'pipeline'))
STAGES = ('decode', 'detect', 'align', 'recognise')
POSITIONS = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def letterbox(photo, side):
    h, w = photo.shape[:2]
    r = min(side / h, side / w)
    nw, nh = int(round(w * r)), int(round(h * r))
    canvas = np.zeros((side, side, 3), np.uint8)
    canvas[:nh, :nw] = cv2.resize(photo, (nw, nh))
    return canvas, r


class Detector:
    """YuNet or SCRFD by cv2.dnn; faces as rows x, y, w, h, five landmarks, score."""

    def __init__(self, path, side, kind):
        self.net, self.side, self.kind = cv2.dnn.readNetFromONNX(path), side, kind
        self.names = ['%s_%d' % (k, s) for k in ('cls', 'obj', 'bbox', 'kps') for s in (8, 16, 32)] \
            if kind == 'yunet' else ['out%d' % i for i in range(9)]

    def rows(self, outputs):
        for level, stride in enumerate((8, 16, 32)):
            g = self.side // stride
            y, x = np.divmod(np.arange(g * g), g)
            if self.kind == 'yunet':
                cls, obj, box, points = (outputs[i * 3 + level].reshape(g * g, -1) for i in range(4))
                score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
                m = score > 0.5
                if not m.any():
                    continue
                x, y, box = x[m], y[m], box[m]
                size = np.exp(box[:, 2:]) * stride
                corner = (np.stack([x, y], 1) + box[:, :2]) * stride - size / 2
                points = (points[m].reshape(-1, 5, 2) + np.stack([x, y], 1)[:, None]) * stride
            else:
                score, box, points = (outputs[i * 3 + level].reshape(g * g * 2, -1) for i in range(3))
                score = score[:, 0]
                m = score > 0.5
                if not m.any():
                    continue
                at = np.repeat(np.stack([x, y], 1), 2, 0)[m] * stride
                box = box[m] * stride
                corner, size = at - box[:, :2], box[:, :2] + box[:, 2:]
                points = points[m].reshape(-1, 5, 2) * stride + at[:, None]
            yield np.hstack([corner, size, points.reshape(-1, 10), score[m][:, None]])

    def __call__(self, photo):
        canvas, r = letterbox(photo, self.side)
        if self.kind == 'yunet':
            blob = cv2.dnn.blobFromImage(canvas)
        else:
            blob = cv2.dnn.blobFromImage(canvas, 1 / 128, mean=(127.5,) * 3, swapRB=True)
        self.net.setInput(blob)
        rows = list(self.rows(self.net.forward(self.names)))
        if not rows:
            return np.zeros((0, 15))
        rows = np.vstack(rows)
        kept = cv2.dnn.NMSBoxes(rows[:, :4].tolist(), rows[:, 14].tolist(), 0.5, 0.3 if self.kind == 'yunet' else 0.4)
        rows = rows[np.array(kept).ravel()]
        rows[:, :14] /= r
        return rows


def align(photo, landmarks):
    s, d = landmarks.reshape(5, 2), POSITIONS
    cs, cd = s - s.mean(0), d - d.mean(0)
    n = (cs ** 2).sum()
    a, b = (cs * cd).sum() / n, (cs[:, 0] * cd[:, 1] - cs[:, 1] * cd[:, 0]).sum() / n
    m = np.array([[a, -b], [b, a]])
    return cv2.warpAffine(photo, np.hstack([m, (d.mean(0) - m @ s.mean(0))[:, None]]), (112, 112), flags=cv2.INTER_LINEAR)


def theirs(photos, detector, recogniser):
    """Mean milliseconds a photograph of each stage."""
    spent = dict.fromkeys(STAGES, 0.0)
    for data in photos:
        t = [time.perf_counter()]
        photo = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        t.append(time.perf_counter())
        rows = detector(photo)
        t.append(time.perf_counter())
        if len(rows):
            h, w = photo.shape[:2]
            c = rows[:, :2] + rows[:, 2:4] / 2 - (w / 2, h / 2)
            crop = align(photo, rows[np.argmin((c ** 2).sum(1) - rows[:, 2] * rows[:, 3] / 4), 4:14])
            t.append(time.perf_counter())
            recogniser.setInput(cv2.dnn.blobFromImage(crop, 1 / 127.5, mean=(127.5,) * 3))
            v = recogniser.forward().ravel()
            v / np.linalg.norm(v)
        else:
            t.append(t[-1])
        t.append(time.perf_counter())
        for i, stage in enumerate(STAGES):
            spent[stage] += (t[i + 1] - t[i]) * 1e3 / len(photos)
    return spent


def ours(files, detector, recogniser):
    out = subprocess.check_output([PROGRAM, '-r', '1', '-d', detector, '-e', recogniser] + files, text=True)
    lines = dict(line.rsplit(None, 1) for line in out.splitlines()[1:])
    return {stage: float(lines[stage]) for stage in STAGES}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    try:
        names = open(DATA + '/vectors/lfw_names.txt').read().split('\n')[:60]
    except OSError:
        print('no photographs: FACESNXT_DATA is not there')
        return 0
    files = [DATA + '/faces/lfw/' + n for n in names]
    photos = [open(f, 'rb').read() for f in files]
    recogniser = DATA + '/models/mobilefacenet.kennethwang.onnx'
    net = cv2.dnn.readNetFromONNX(recogniser)
    for name, side, kind in (('yunet_n_320_320', 320, 'yunet'), ('face_detection_yunet_2023mar', 640, 'yunet'),
                             ('scrfd_500m_kps', 640, 'scrfd'), ('scrfd_2.5g_kps', 640, 'scrfd')):
        path = '%s/models/%s.onnx' % (DATA, name)
        detector = Detector(path, side, kind)
        theirs(photos[:2], detector, net)
        a, b = [], []
        for _ in range(rounds):
            a.append(ours(files, path, recogniser))
            b.append(theirs(photos, detector, net))
        print('%s, %d photographs, %d rounds: milliseconds a photograph' % (name, len(files), rounds))
        for stages in [[s] for s in STAGES] + [list(STAGES[1:]), list(STAGES)]:
            x = statistics.median(sum(r[s] for s in stages) for r in a)
            y = statistics.median(sum(r[s] for s in stages) for r in b)
            label = stages[0] if len(stages) == 1 else 'detect+extract' if len(stages) == 3 else 'all'
            print('  %-16s ours %8.3f   OpenCV %8.3f   ratio %.2f' % (label, x, y, x / y))
    return 0


if __name__ == '__main__':
    sys.exit(main())
