// Count, mean and sum of squared distances from it, of parts of a set, merged: Chan, Golub and LeVeque, "Updating
// formulae and a pairwise algorithm for computing sample variances", 1979. Means are told from a pivot that the parts
// share: near 1000 a float knows a mean to 3e-5, from a number of the set much better. Where there is NaN or an
// infinity, all comes out NaN.
struct moments {
    float count, mean, squares;
};

moments merged(moments a, moments b)
{
    float count = a.count + b.count, share = b.count / (count > 1.0 ? count : 1.0), d = b.mean - a.mean;
    return moments(count, a.mean + d * share, a.squares + b.squares + d * d * a.count * share);
}

shared float counts[64], means[64], squares[64];

// For the first lane of an item.
moments merged_lanes(moments m)
{
    uint place = gl_LocalInvocationID.x;
    if (lanes == 1)
        return m;
    for (uint n = lanes / 2; n > 0; n /= 2) {
        counts[place] = m.count;
        means[place] = m.mean;
        squares[place] = m.squares;
        barrier();
        uint other = place + n * gap();
        if (lane() < n)
            m = merged(m, moments(counts[other], means[other], squares[other]));
        barrier();
    }
    return m;
}
