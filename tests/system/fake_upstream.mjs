// fake_upstream.mjs - a control plane that takes posted events, misbehaves as it is told, and writes down what came.
//
//     node fake_upstream.mjs --log FILE [--taken FILE] [--script STEP,...] [--behave FILE] [--port N] [--token-env NAME]
//
// Prints {"event":"ready","url":"http://127.0.0.1:PORT","pid":N} when it listens; ends with SIGTERM.
// --log: one JSON line a post: step, status, stream, first, last, lines, authorized, contentType.
// --taken: the lines that were taken, each once (by stream and number, as event_http.h has it), in the order they came.
// A STEP is for one post, the last for all that follow; STEP*5 five times:
//     ok            stored, 200              503             that status, not stored
//     429:7         with Retry-After: 7      stall           not stored, never answered
//     close         not stored, cut off      store-close     stored, cut off before an answer
//     store-half    stored, cut off amid the answer          slow:500        ok, after so many milliseconds
// --behave: while FILE has a STEP in it, that counts instead of the script; looked at anew for each post.
import { appendFileSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
    options: {
        log: { type: 'string' },
        taken: { type: 'string' },
        script: { type: 'string', default: 'ok' },
        behave: { type: 'string' },
        port: { type: 'string', default: '0' },
        'token-env': { type: 'string' },
    },
});
const BODY_MAX_BYTES = 64 << 20;
const token = options['token-env'] && process.env[options['token-env']];
const steps = options.script.split(',').flatMap((step) => {
    const [what, times] = step.split('*');
    return Array(times ? Number(times) : 1).fill(what);
});
const highest = new Map(); // by stream

function nextStep() {
    if (options.behave) {
        try {
            const step = readFileSync(options.behave, 'utf8').trim();
            if (step) return step;
        } catch {
            // no such file: the script counts
        }
    }
    return steps.length > 1 ? steps.shift() : steps[0];
}

// Lines above the highest number of their stream are new. False: the post contradicts itself.
function store(post, body) {
    const lines = body.split('\n');
    if (lines.pop() !== '' || post.last - post.first + 1 !== lines.length) return false;
    const known = highest.get(post.stream) ?? 0;
    const fresh = lines.filter((_, i) => post.first + i > known);
    post.repeated = lines.length - fresh.length;
    highest.set(post.stream, Math.max(known, post.last));
    if (options.taken && fresh.length) appendFileSync(options.taken, fresh.join('\n') + '\n');
    return true;
}

function answer(response, step, post, body) {
    const [what, value] = step.split(':');
    const stores = ['ok', 'slow', 'store-close', 'store-half'].includes(what);
    post.step = step;
    post.status = stores ? 200 : Number(what) || 0;
    if (stores && !store(post, body)) post.status = 400;
    if (what === '429' || what === '503') response.setHeader('Retry-After', value ?? '0');
    appendFileSync(options.log, JSON.stringify(post) + '\n');
    if (what === 'stall') return;
    if (what === 'close' || what === 'store-close') return void response.socket.destroy();
    if (what === 'store-half') {
        response.socket.write('HTTP/1.1 200 OK\r\nContent-Le');
        return void response.socket.end();
    }
    setTimeout(() => {
        response.statusCode = post.status;
        response.end();
    }, what === 'slow' ? Number(value) : 0);
}

const server = http.createServer((request, response) => {
    const chunks = [];
    let bytes = 0;
    request.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes > BODY_MAX_BYTES) request.destroy();
        else chunks.push(chunk);
    });
    request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const [first, last] = (request.headers['x-snapferry-lines'] ?? '0-0').split('-').map(Number);
        answer(response, nextStep(), {
            at: new Date().toISOString(),
            method: request.method,
            path: request.url.split('?')[0],
            stream: request.headers['x-snapferry-stream'],
            first,
            last,
            lines: body.split('\n').length - 1,
            bytes,
            contentType: request.headers['content-type'],
            authorized: token === undefined || request.headers.authorization === `Bearer ${token}`,
        }, body);
    });
    request.on('error', () => {});
});
server.requestTimeout = 0;
server.listen(Number(options.port), '127.0.0.1', () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    console.log(JSON.stringify({ event: 'ready', url, pid: process.pid }));
});
process.on('SIGTERM', () => process.exit(0));
