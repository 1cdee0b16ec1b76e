#!/usr/bin/python3
"""Compares decoded, scaled and warped pixels with OpenCV's, byte for byte.

    test/check/pixels.py [PHOTO...]        default: every fourth LFW photo and the unusual JPEGs of FACESNXT_DATA

Templates of two programs agree only when both put the same pixels before the
network.  Needs python3-opencv and a C compiler; the pure ring's image folder
is compiled into a throw-away library.
"""
import ctypes as C, glob, os, subprocess, sys, tempfile
import cv2, numpy as np

cv2.setNumThreads(1)
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
DATA = os.environ.get('FACESNXT_DATA', os.path.join(ROOT, '..', 'shared', 'data'))


class Image(C.Structure):
    _fields_ = [('width', C.c_int), ('height', C.c_int), ('stride', C.c_size_t), ('pixels', C.c_void_p)]


class Limits(C.Structure):
    _fields_ = [('bytes', C.c_size_t), ('pixels', C.c_uint64), ('scans', C.c_int), ('memory', C.c_size_t)]


class Error(C.Structure):
    _fields_ = [('code', C.c_int), ('position', C.c_size_t), ('detail', C.c_char * 256)]


def build(folder):
    path = os.path.join(folder, 'image.so')
    subprocess.check_call(['cc', '-std=gnu99', '-D_GNU_SOURCE', '-O2', '-shared', '-fPIC', '-I' + ROOT + '/src', '-o', path,
                           ROOT + '/src/base/base.c'] + sorted(glob.glob(ROOT + '/src/image/*.c')) + ['-ljpeg', '-lm'])
    lib = C.CDLL(path)
    lib.fx_env_malloc.restype = C.c_void_p
    return lib


def borrow(a):
    """A numpy picture (RGB, dense) as the library's image; a must outlive it."""
    return Image(a.shape[1], a.shape[0], a.strides[0], a.ctypes.data)


def decode(lib, env, data, error):
    image = Image()
    limits = Limits(1 << 30, 1 << 28, 100, 1 << 31)
    code = lib.fx_jpeg_decode(env, data, C.c_size_t(len(data)), C.byref(limits), C.byref(image), C.byref(error))
    if code:
        return None
    raw = C.string_at(image.pixels, image.height * image.stride)
    a = np.frombuffer(raw, np.uint8).reshape(image.height, image.width, 3).copy()
    lib.fx_image_free(env, C.byref(image))
    return a


def worst(a, b):
    return 999 if a.shape != b.shape else int(np.abs(a.astype(int) - b.astype(int)).max())


def main():
    photos = sys.argv[1:]
    odd = []
    if not photos:
        photos = sorted(glob.glob(DATA + '/faces/lfw/*/*.jpg'))[::4] + sorted(glob.glob(DATA + '/faces/groups/*.jp*g'))
        odd = sorted(f for e in ('jpg', 'jpeg', 'JPG') for f in glob.glob(DATA + '/jpeg/**/*.' + e, recursive=True))
    with tempfile.TemporaryDirectory() as folder:
        lib = build(folder)
    env = C.c_void_p(lib.fx_env_malloc())
    error = Error()
    rng = np.random.default_rng(1)
    decoded = resized = warped = 0
    differ = {'decode': 0, 'resize': 0, 'warp': 0}
    for path in photos:
        theirs = cv2.imread(path)
        ours = decode(lib, env, open(path, 'rb').read(), error)
        if ours is None:
            print('refused', path, error.detail.decode())
            differ['decode'] += 1
            continue
        decoded += 1
        differ['decode'] += worst(ours, theirs[:, :, ::-1]) != 0
        h, w = ours.shape[:2]
        for nw, nh in ((320, 320), (640, 480), (97, 61), (max(w // 2, 1), max(h // 2, 1)), (int(rng.integers(1, 700)), int(rng.integers(1, 700)))):
            to = np.zeros((nh, nw, 3), np.uint8)
            image = borrow(to)
            lib.fx_resize_bilinear(env, C.byref(borrow(ours)), C.byref(image), C.byref(error))
            resized += 1
            differ['resize'] += worst(to, cv2.resize(ours, (nw, nh))) != 0
        angle, scale = rng.uniform(-3.2, 3.2), rng.uniform(0.2, 3)
        m = np.array([[scale * np.cos(angle), -scale * np.sin(angle), rng.uniform(-50, 250)],
                      [scale * np.sin(angle), scale * np.cos(angle), rng.uniform(-50, 250)]])
        to = np.zeros((112, 112, 3), np.uint8)
        image = borrow(to)
        lib.fx_warp_affine(env, C.byref(borrow(ours)), m.ctypes.data_as(C.c_void_p), C.byref(image), C.byref(error))
        warped += 1
        differ['warp'] += worst(to, cv2.warpAffine(ours, m, (112, 112), flags=cv2.INTER_LINEAR)) != 0
    print('decoded %d, scaled %d, warped %d pictures; not byte-identical: %s' % (decoded, resized, warped, differ))
    for path in odd:
        theirs = cv2.imread(path)
        ours = decode(lib, env, open(path, 'rb').read(), error)
        name = os.path.relpath(path, DATA)
        if ours is None:
            print('%-90s refused (%d): %s; OpenCV %s' % (name, error.code, error.detail.decode(),
                                                      'refuses' if theirs is None else 'decodes'))
        elif theirs is None:
            print('%-90s decoded; OpenCV refuses' % name)
        else:
            d = worst(ours, theirs[:, :, ::-1])
            if d:
                print('%-90s differs by %d' % (name, d))
    return 1 if any(differ.values()) else 0


if __name__ == '__main__':
    sys.exit(main())
