"""Content for rbd volumes, since the guests of the test cloud write nothing.

rbd_content.py change TURN VOLUME...  writes and discards; what and where depends on turn and volume alone
rbd_content.py digest VOLUME...       prints {volume: digest of the whole image} as JSON

Debian's python3 with python3-rbd; the cluster is that of CEPH_CONF.
"""
import hashlib
import json
import random
import sys

import rados
import rbd

MIB = 1 << 20
BLOCK = 4 * MIB


def extents(volume, turn, size):
    """(offset, bytes): some at odd places, and one over the edge of an object"""
    chance = random.Random('%s/%d' % (volume, turn))
    yield chance.randrange(1, size // BLOCK) * BLOCK - 1000, chance.randbytes(2000)
    for _ in range(24 if turn == 0 else 6):
        data = chance.randbytes(chance.randrange(1, MIB))
        yield chance.randrange(size - len(data)), data


def change(image, volume, turn):
    size = image.size()
    for offset, data in extents(volume, turn, size):
        image.write(data, offset)
    # both ends, which each turn writes anew
    for offset in 0, size - 512:
        image.write((b'%d of %s ' % (turn, volume.encode())).ljust(512), offset)
    if turn > 0:
        # a restore that leaves out what was discarded would bring it back
        offset, data = list(extents(volume, turn - 1, size))[-1]
        image.discard(offset, len(data))


def digest(image):
    """of size and all blocks with their places; empty ones are left out for speed"""
    size, total = image.size(), hashlib.sha256()
    total.update(b'%d' % size)
    nothing = bytes(BLOCK)
    for offset in range(0, size, BLOCK):
        data = image.read(offset, min(BLOCK, size - offset))
        if data != nothing[:len(data)]:
            total.update(b'\n%d\n' % offset)
            total.update(data)
    return total.hexdigest()


def main(action, *args):
    turn, volumes = (int(args[0]), args[1:]) if action == 'change' else (0, args)
    digests = {}
    with rados.Rados(conffile='') as cluster:
        with cluster.open_ioctx('volumes') as pool:
            for volume in volumes:
                with rbd.Image(pool, 'volume-' + volume, read_only=action == 'digest') as image:
                    if action == 'change':
                        change(image, volume, turn)
                    else:
                        digests[volume] = digest(image)
    print(json.dumps(digests))


main(*sys.argv[1:])
