"""What the peers written in Python have in common: a prepared step that is measured on demand.

serve() prepares a step and says so with one line of JSON, and then answers each line "SECONDS" on standard input with
a measurement of about that length: the median and the mean time of a step, the number of steps, and the largest
resident memory so far. A step that cannot be prepared is one line {"error": why}.
"""
import json
import statistics
import sys
import time

MIN_STEPS = 3


def run_for(step, seconds, least):
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return times


def peak_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def answer(**values):
    print(json.dumps(values), flush=True)


def serve(prepare, version):
    try:
        step = prepare()
    except Exception as error:  # whatever the peer throws, the row goes on without this setting
        answer(error=f"{type(error).__name__}: {error}".splitlines()[0])
        sys.exit(1)
    answer(ready=True, version=version)
    for line in sys.stdin:
        times = run_for(step, float(line), MIN_STEPS)
        answer(step=statistics.median(times), mean=sum(times) / len(times), steps=len(times), peak_mib=peak_mib())
