// Classes that are wanted. One that does not exist cannot be reported from here: its loss and gradient are NaN, which
// ends a training as diverged.
layout(set = 0, binding = 1, std430) readonly buffer Target { int target[]; };

bool is_ignored(int wanted)
{
    return ignores != 0 && wanted == ignored;
}

bool is_class(int wanted)
{
    return wanted >= 0 && uint(wanted) < terms;
}
