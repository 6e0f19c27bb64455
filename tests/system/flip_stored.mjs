// flip_stored.mjs - turns one bit of what a region has stored, behind its back, as a bad disk does.
// node flip_stored.mjs DATA_FOLDER BLOB_URL OFFSET: of the blob's page at OFFSET, wherever its segment is.
import fs from "node:fs";
import path from "node:path";

const [folder, url, text] = process.argv.slice(2);
const offset = Number(text);
const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + 511}` } });
const page = Buffer.from(await answer.arrayBuffer());
const stored = Buffer.alloc(512);
let found = 0;

for (const name of fs.readdirSync(folder, { recursive: true })) {
    const file = path.join(folder, name);
    if (!fs.statSync(file).isFile()) continue;
    const fd = fs.openSync(file, "r+");
    if (fs.readSync(fd, stored, 0, 512, offset) === 512 && stored.equals(page)) {
        fs.writeSync(fd, Buffer.from([stored[100] ^ 16]), 0, 1, offset + 100);
        found++;
    }
    fs.closeSync(fd);
}
if (page.length !== 512 || found !== 1 || page.every((byte) => byte === 0)) {
    console.log(`a page of ${page.length} bytes, found ${found} times`);
    process.exit(1);
}
