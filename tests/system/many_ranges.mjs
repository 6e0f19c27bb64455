// many_ranges.mjs COUNT [again] - a page blob whose list has COUNT ranges: every other page of it holds
// something; `again`: writes something else there. Environment: DISK, its SAS URL (a secret, never printed).
const PAGE = 512;
const BATCH = 64;
const count = Number(process.argv[2]);
const again = process.argv[3] === "again" ? 1 : 0;
const url = process.env.DISK;

async function ask(to, headers, body) {
    headers["x-ms-version"] = "2021-12-02";
    const answer = await fetch(to, { method: "PUT", headers, body });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${answer.status}`);
}
function write(number) {
    const at = 2 * number * PAGE;
    return ask(`${url}&comp=page`,
        { "x-ms-page-write": "update", "x-ms-range": `bytes=${at}-${at + PAGE - 1}` },
        Buffer.alloc(PAGE, 1 + ((number + again) % 255)));
}

if (!again)
    await ask(url, { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": `${2 * count * PAGE}` });
for (let first = 0; first < count; first += BATCH)
    await Promise.all(Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => write(first + i)));
