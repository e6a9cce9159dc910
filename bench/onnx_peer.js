// ONNX Runtime's side of one row: node onnx_peer.js MODEL SHAPE THREADS, SHAPE as 1x3x224x224.
// Says with a line of JSON that it is ready, then answers each line "SECONDS" with a measurement of about that
// length, as torch_peer.py does.
const readline = require('readline');
const runtime = require('onnxruntime-node');

const WARM_UP_STEPS = 5;
const MIN_STEPS = 3;

function answer(values) {
    console.log(JSON.stringify(values));
}

function median(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function peakMiB() {
    const status = require('fs').readFileSync('/proc/self/status', 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024;
}

async function runFor(step, seconds, least) {
    const times = [];
    const end = performance.now() + seconds * 1e3;
    while (times.length < least || performance.now() < end) {
        const begin = performance.now();
        await step();
        times.push((performance.now() - begin) / 1e3);
    }
    return times;
}

async function prepare([model, shape, threads]) {
    const session = await runtime.InferenceSession.create(model, {
        intraOpNumThreads: Number(threads),
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        executionMode: 'sequential',
    });
    const dims = shape.split('x').map(Number);
    const values = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => Math.random() - 0.5);
    const feeds = { [session.inputNames[0]]: new runtime.Tensor('float32', values, dims) };
    const step = () => session.run(feeds);
    await runFor(step, 0, WARM_UP_STEPS);
    return step;
}

async function main() {
    const step = await prepare(process.argv.slice(2));
    answer({ ready: true, version: require('onnxruntime-node/package.json').version });
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const times = await runFor(step, Number(line), MIN_STEPS);
        const sum = times.reduce((a, b) => a + b);
        answer({ step: median(times), mean: sum / times.length, steps: times.length, peak_mib: peakMiB() });
    }
}

main().catch((error) => {
    answer({ error: String(error.message).split('\n')[0] });
    process.exit(1);
});
