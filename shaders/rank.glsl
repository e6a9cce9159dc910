// Floats as unsigned numbers in the same order, 0 below all, NaN above all, both zeros equal: a maximum of these does
// not depend on what a driver thinks of NaN.
const uint highest_rank = 0xffffffffu;

uint rank_of(uint bits)
{
    uint magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return highest_rank;
    if (magnitude == 0)
        return 0x80000000u;
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

uint bits_of(uint rank)
{
    if (rank == highest_rank)
        return 0x7fc00000u;
    return (rank & 0x80000000u) != 0 ? rank & 0x7fffffffu : ~rank;
}
