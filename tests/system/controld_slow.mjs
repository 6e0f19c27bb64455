// controld_slow.mjs - slow clients, half requests and broken ones beside one who asks: controld_slow.mjs URL.
// SNAPFERRYD_TOKEN in the environment. Exit 0: everyone who asks is answered at once, whatever others do.
import http from 'node:http';
import net from 'node:net';

const url = new URL(process.argv[2]);
const headers = { authorization: `Bearer ${process.env.SNAPFERRYD_TOKEN}` };
const sockets = [];

function open(bytes) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(Number(url.port), url.hostname, () => {
            socket.write(bytes, () => resolve(socket));
        });
        socket.on('error', reject);
        sockets.push(socket);
    });
}

function ask(method, path, body) {
    return new Promise((resolve, reject) => {
        const began = performance.now();
        const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
        const request = http.request(new URL(path, url), { method, headers: { ...headers, ...length } },
            (answer) => {
                let text = '';
                answer.setEncoding('utf8').on('data', (piece) => { text += piece; });
                answer.on('end', () => resolve({ status: answer.statusCode, text, ms: performance.now() - began }));
            });
        request.on('error', reject).end(body);
    });
}

function must(ok, words, seen) {
    if (!ok) {
        console.log(`not ok - ${words}: ${JSON.stringify(seen)}`);
        process.exit(1);
    }
}

const bearer = `Authorization: ${headers.authorization}\r\n`;
for (let i = 0; i < 40; i++) {
    await open(`GET /subscriptions/s HTTP/1.1\r\nHost: h\r\n${bearer}x-slow: `);
    await open(`PUT /subscriptions/s HTTP/1.1\r\nHost: h\r\n${bearer}Content-Length: 1000000\r\n\r\n{"a":`);
    await open('\r\n\r\n\0\0\0');
    (await open('GET ')).destroy();
}

// Beside them: answered, and soon. (A loaded machine is not quick; one that waits for a slow client takes 20 s.)
const many = await Promise.all(Array.from({ length: 50 }, (_, i) => ask('GET', `/subscriptions/s${i}/x`)));
for (const answer of many) {
    must(answer.status === 404 && JSON.parse(answer.text).error.code, 'an answer in form', answer);
    must(answer.ms < 10000, 'an answer soon', answer.ms);
}

// Ten MiB, sent without asking first: refused so that the client sees why.
const large = await ask('PUT', '/subscriptions/s', Buffer.alloc(10 << 20, 'x'));
must(large.status === 413 && JSON.parse(large.text).error.code === 'RequestEntityTooLarge', 'ten MiB', large);

for (const socket of sockets)
    socket.destroy();
const after = await ask('GET', '/nowhere');
must(after.status === 404, 'an answer afterwards', after);
console.log('ok');
process.exit(0);
