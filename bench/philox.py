"""cnnrun's random numbers (cnnrun/rng.h): the order of the samples, and how each image is cut and mirrored."""
import numpy

SHUFFLE, AUGMENT = 2, 3  # purposes of cnnrun/rng.h
LOW = numpy.uint64(0xFFFFFFFF)
HALF = numpy.uint64(32)


def philox(seed, purpose, step, blocks):
    """Philox4x32-10: four numbers of 32 bits for each block, as an array (4, blocks)."""
    blocks = numpy.asarray(blocks, dtype=numpy.uint64)
    c0, c1 = blocks & LOW, blocks >> HALF
    c2, c3 = numpy.full_like(blocks, step), numpy.full_like(blocks, purpose)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = numpy.uint64(0xD2511F53) * c0, numpy.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ numpy.uint64(k0), p1 & LOW, (p0 >> HALF) ^ c3 ^ numpy.uint64(k1), p0 & LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return numpy.stack([c0, c1, c2, c3])


def below(bits, n):
    return (bits * numpy.uint64(n) >> HALF).astype(numpy.int64)


def shuffled(count, seed, epoch):
    """Fisher and Yates's order, from the end."""
    bits = philox(seed, SHUFFLE, epoch, numpy.arange((count + 3) // 4)).T.reshape(-1)[:count - 1]
    ends = numpy.arange(count - 1, 0, -1)
    partners = (bits * (ends + 1).astype(numpy.uint64) >> HALF).tolist()
    order = list(range(count))
    for i, k in zip(ends.tolist(), partners):
        order[i], order[k] = order[k], order[i]
    return numpy.array(order)


def crops_and_flips(count, seed, epoch, padding):
    """Of each image the first row and column of its piece of the padded image, and whether it is mirrored."""
    # An image has 2^20 numbers of its own: 2^18 blocks of four.
    rows, columns, flips, _ = philox(seed, AUGMENT, epoch, numpy.arange(count, dtype=numpy.uint64) << numpy.uint64(18))
    return below(rows, 2 * padding + 1), below(columns, 2 * padding + 1), flips >> numpy.uint64(8) < 1 << 23
