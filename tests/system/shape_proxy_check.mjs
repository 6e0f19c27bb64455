// shape_proxy_check.mjs BINARY - what bench/shape_proxy does to bytes and to their time. Times are only
// held against what the link must take at least: a busy machine takes longer.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { createInterface } from 'node:readline';

const binary = process.argv[2];
let failed = false;
const expect = (good, words) => {
    if (good) return;
    console.error(`not so: ${words}`);
    failed = true;
};
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

// Answers a connection that ended with the hash of what came.
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    socket.on('data', (bytes) => hash.update(bytes));
    socket.on('end', () => socket.end(hash.digest('hex')));
    socket.on('error', () => socket.destroy());
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));

async function proxy(...options) {
    const child = spawn(binary, ['--to', `127.0.0.1:${server.address().port}`, ...options]);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value);
    const ready = await next();
    return {
        port: ready.port,
        stats: () => (child.kill('SIGUSR1'), next()),
        end: async () => {
            const ended = new Promise((done) => child.on('exit', done));
            child.kill('SIGTERM');
            const last = await next();
            expect((await ended) === 0, 'SIGTERM ends it well');
            return last;
        },
    };
}

// 'same', 'other' or 'cut'
function carry(port, bytes) {
    return new Promise((done) => {
        const socket = net.connect(port, '127.0.0.1');
        let answer = '';
        socket.on('data', (text) => (answer += text));
        socket.on('end', () => done(answer === sha(bytes) ? 'same' : answer.length === 64 ? 'other' : 'cut'));
        socket.on('error', () => done('cut'));
        socket.end(bytes);
    });
}
const seconds = async (work) => {
    const begun = process.hrtime.bigint();
    const result = await work();
    return [Number(process.hrtime.bigint() - begun) / 1e9, result];
};

{ // Two connections share the rate; each direction is counted.
    const link = await proxy('--bits-per-s', '80000000', '--delay-ms', '60');
    const bytes = randomBytes(1_500_000);
    const [took, results] = await seconds(() =>
        Promise.all([carry(link.port, bytes), carry(link.port, bytes)]));
    expect(results.every((r) => r === 'same'), 'bytes arrive as they were');
    expect(took >= 0.3 + 0.06 - 0.015, `3 MB at 10 MB/s and a round trip in ${took} s`);
    const stats = await link.stats();
    expect(stats.upBytes === 3_000_000 && stats.downBytes === 128 && stats.connections === 2,
        `counts ${JSON.stringify(stats)}`);
    expect(stats.activeSeconds >= 0.345 && stats.activeSeconds <= took + 0.01, 'time is counted');
    await link.end();
}
{ // A delay alone.
    const link = await proxy('--delay-ms', '100');
    const [took, result] = await seconds(() => carry(link.port, Buffer.from('x')));
    expect(result === 'same' && took >= 0.1, `a round trip of 100 ms in ${took} s`);
    await link.end();
}
{ // Faults: something is cut, something is changed, and all is counted.
    const link = await proxy('--faults', '3', '--fault-mib', '1');
    const results = [];
    for (let i = 0; i < 40; i++) results.push(await carry(link.port, randomBytes(300_000)));
    const last = await link.end();
    expect(results.includes('cut') && last.cuts > 0, 'connections are cut');
    expect(results.includes('other') && last.flips > 0, 'bits are flipped');
    expect(results.includes('same'), 'most arrive');
    expect(last.cuts >= results.filter((r) => r === 'cut').length, 'each cut is counted');
}
server.close();
process.exit(failed ? 1 : 0);
