// controld_input.mjs - bad input to a running snapferryd: the ARM error each time, nothing changed.
// controld_input.mjs URL; SNAPFERRYD_TOKEN in the environment. Prints what is wrong; exit 1 then.
import assert from 'node:assert/strict';
import http from 'node:http';

const url = new URL(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const V = 'api-version=2024-03-01';
const D = 'api-version=2025-01-02'; // disks have versions of their own
const GROUP = '/subscriptions/sub/resourceGroups/group/providers/Microsoft.Compute';
const COLLECTION = `${GROUP}/restorePointCollections/good`;
let failed = 0;

function ask(method, path, body, headers = {}) {
    const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    return new Promise((resolve, reject) => {
        const request = http.request({
            agent, host: url.hostname, port: url.port, method, path, timeout: 60000,
            headers: {
                authorization: `Bearer ${process.env.SNAPFERRYD_TOKEN}`,
                ...(bytes ? { 'content-length': bytes.length, 'content-type': 'application/json' } : {}),
                ...headers,
            },
        }, (answer) => {
            let text = '';
            answer.setEncoding('utf8').on('data', (piece) => { text += piece; });
            answer.on('end', () => resolve({ status: answer.statusCode, text, headers: answer.headers }));
        });
        request.on('timeout', () => request.destroy(new Error(`no answer: ${method} ${path.slice(0, 200)}`)));
        request.on('error', reject);
        request.end(bytes);
    });
}

function look(words, check) {
    try {
        check();
    } catch (e) {
        failed++;
        console.log(`FAILED: ${words.slice(0, 300)}\n  ${e.message.split('\n')[0]}`);
    }
}

function isError(answer) {
    const { error } = JSON.parse(answer.text);
    assert.match(error.code, /^[A-Za-z]+$/);
    assert.ok(error.message.length > 0);
    assert.match(answer.headers['x-ms-request-id'], /^[0-9a-f-]{16,36}$/);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.ok(!answer.text.includes(process.env.SNAPFERRYD_TOKEN));
    return error;
}

async function refused(method, path, body, status, code) {
    const answer = await ask(method, path, body);
    look(`${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text.slice(0, 200)}`, () => {
        const error = isError(answer);
        assert.equal(answer.status, status);
        if (code)
            assert.equal(error.code, code);
    });
}

const everything = async () => (await ask('GET', `/subscriptions/sub/providers/Microsoft.Compute/restorePointCollections?${V}`)).text;

const MACHINE = `${GROUP}/virtualMachines/vm1`;
const good = { location: 'eastus', tags: { a: 'b' }, properties: { source: { id: MACHINE } } };
const made = await ask('PUT', `${COLLECTION}?${V}`, good);
assert.equal(made.status, 201, made.text);
const before = await everything();
assert.equal(JSON.parse(before).value.length, 1);

// ---- Bodies ----
const PUT = `${GROUP}/restorePointCollections/bad?${V}`;
const deep = '['.repeat(5000) + ']'.repeat(5000);
for (const body of ['', '{', '[]', '7', 'null', '"x"', '{"location":"eastus",}', '{"location":"eastus"}{}', '\u0000',
    '{"location":"eastus","location":"westus"}', deep, `{"a":${deep}}`, '{“location”:“eastus”}', '{"location":"\\ud800"}'])
    await refused('PUT', PUT, body, 400);
for (const change of [{ location: undefined }, { location: 7 }, { location: 'mars' }, { location: '' }, { tags: 'x' },
    { tags: { a: { b: 'c' } } }, { tags: { ['k'.repeat(600)]: 'v' } }, { tags: { k: 'v'.repeat(300) } },
    { tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, 'v'])) }, { properties: [] },
    { properties: { source: 'x' } }, { properties: { source: { id: 7 } } }, { properties: { source: { id: '' } } },
    { properties: { source: { id: '../../etc/passwd' } } }, { properties: { source: { id: `${GROUP}/disks/d` } } },
    { properties: { source: { id: `${MACHINE}${'x'.repeat(2000)}` } } }])
    await refused('PUT', PUT, { ...good, ...change }, 400);
for (const id of [`${GROUP}/virtualMachines/none`, `${GROUP}/restorePointCollections/none`]) {
    const answer = await ask('PUT', PUT, { ...good, properties: { source: { id } } });
    look(`source ${id}: ${answer.status} ${answer.text}`, () => {
        isError(answer);
        assert.ok([400, 404].includes(answer.status));
    });
}
await refused('PUT', PUT, Buffer.alloc(1100000, 'x').toString(), 413);
await refused('PATCH', `${COLLECTION}?${V}`, '{"tags":7}', 400);
await refused('PATCH', `${COLLECTION}?${V}`, '{', 400);

// ---- Names, versions, verbs ----
for (const name of ['..', '.', '%2e%2e', '...', 'a%2fb', 'a%5cb', 'a%20b', 'a%00', '%ff', 'a%0d%0ax', 'n'.repeat(81),
    'n'.repeat(1000), '%C3%A9', "a'b", 'a;b', '%3Cscript%3E', 'a%27%20OR%201=1--']) {
    const answer = await ask('PUT', `${GROUP}/restorePointCollections/${name}?${V}`, good);
    look(`name ${name}: ${answer.status} ${answer.text.slice(0, 200)}`, () => {
        isError(answer);
        assert.ok([400, 404, 405].includes(answer.status));
    });
}

await refused('GET', COLLECTION, undefined, 400, 'MissingApiVersionParameter');
for (const version of ['2019-01-01', '2021-0301', 'x', '', '2024-03-01;', '9999-99-99'])
    await refused('GET', `${COLLECTION}?api-version=${version}`, undefined, 400);
await refused('GET', `${GROUP}/restorePointCollections/none?${V}`, undefined, 404, 'ResourceNotFound');
await refused('GET', `${COLLECTION}/restorePoints/none?${V}`, undefined, 404, 'ResourceNotFound');
await refused('PUT', `${GROUP}/restorePointCollections/none/restorePoints/p?${V}`, {}, 404);
await refused('GET', `${COLLECTION}/restorePoints/p/diskRestorePoints/d?${D}`, undefined, 404);
await refused('GET', `${GROUP}/disks/none?${D}`, undefined, 404, 'ResourceNotFound');
await refused('GET', `${GROUP}/virtualMachines/none?${V}`, undefined, 404, 'ResourceNotFound');
await refused('GET', `${COLLECTION}?${V}&$expand=everything`, undefined, 400);
await refused('GET', `${GROUP}/restorePointCollections?${V}&$skiptoken=nonsense!`, undefined, 400);
for (const [method, path] of [['POST', COLLECTION], ['PATCH', `${COLLECTION}/restorePoints/p/diskRestorePoints/d`],
    ['PUT', `${GROUP}/restorePointCollections`], ['DELETE', `${GROUP}/disks`], ['GET', `${GROUP}/disks/d/beginGetAccess`],
    ['OPTIONS', COLLECTION], ['PROPFIND', COLLECTION]])
    await refused(method, `${path}?${/disk/i.test(path) ? D : V}`, method === 'GET' || method === 'DELETE' ? undefined : '{}', 405, undefined);

// ---- A good body with some of its bytes changed: taken or refused, never a fault of ours ----
let seed = 20261121;
const random = (below) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
};
const text = JSON.stringify({ ...good, properties: { source: { id: `${GROUP}/virtualMachines/none` } } });
for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(text);
    for (let n = random(4); n >= 0; n--)
        bytes[random(bytes.length)] = random(256);
    const answer = await ask('PUT', PUT, bytes.toString('latin1'));
    look(`changed body ${i}: ${answer.status} ${answer.text}`, () => {
        isError(answer);
        assert.ok(answer.status >= 400 && answer.status < 500);
    });
}
const clean = await everything();
look('nothing is changed', () => assert.equal(clean, before));
console.log(failed ? `${failed} failed` : 'ok');
process.exit(failed ? 1 : 0);
