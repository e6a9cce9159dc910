// Sums and maxima over the lanes of an item: a tree in shared memory; every lane gets the result. To be called by all.
shared float tree[64];

float sum_of_lanes(float x)
{
    uint place = gl_LocalInvocationID.x;
    if (lanes == 1)
        return x;
    barrier();
    tree[place] = x;
    for (uint n = lanes / 2; n > 0; n /= 2) {
        barrier();
        if (lane() < n)
            tree[place] += tree[place + n * gap()];
    }
    barrier();
    return tree[place - lane() * gap()];
}

// Of numbers that are not NaN.
float largest_of_lanes(float x)
{
    uint place = gl_LocalInvocationID.x;
    if (lanes == 1)
        return x;
    barrier();
    tree[place] = x;
    for (uint n = lanes / 2; n > 0; n /= 2) {
        barrier();
        if (lane() < n) {
            float other = tree[place + n * gap()];
            tree[place] = other > tree[place] ? other : tree[place];
        }
    }
    barrier();
    return tree[place - lane() * gap()];
}
