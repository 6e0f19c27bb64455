// many_ranges.mjs COUNT [again] - a page blob whose list has COUNT ranges: every other page of it holds
// something; `again`: writes something else there. Environment: DISK, its SAS URL (a secret, never printed).
// Requests are written one after another to a few connections, as tens of thousands of them would take long else.
import net from "node:net";

const PAGE = 512;
const LANES = 4;
const count = Number(process.argv[2]);
const again = process.argv[3] === "again" ? 1 : 0;
const url = new URL(process.env.DISK);

function head(query, headers, bytes) {
    const lines = Object.entries({ host: url.host, "x-ms-version": "2021-12-02", "content-length": bytes, ...headers })
        .map(([name, value]) => `${name}: ${value}\r\n`);
    return `PUT ${url.pathname}${url.search}${query} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
function write(number) {
    const at = 2 * number * PAGE;
    const range = { "x-ms-page-write": "update", "x-ms-range": `bytes=${at}-${at + PAGE - 1}` };
    return Buffer.concat([Buffer.from(head("&comp=page", range, PAGE)), Buffer.alloc(PAGE, 1 + ((number + again) % 255))]);
}

// Sends them all over one connection; each must be answered 201.
function lane(requests) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(Number(url.port), url.hostname);
        let answered = 0, left = "";
        socket.on("error", reject);
        socket.on("close", () => reject(new Error(`${answered} of ${requests.length} were answered`)));
        socket.on("data", (bytes) => {
            const parts = (left + bytes.toString("latin1")).split("\r\n\r\n");
            left = parts.pop();
            for (const part of parts)
                if (!part.startsWith("HTTP/1.1 201 ")) return reject(new Error(part.split("\r\n")[0]));
            answered += parts.length;
            if (answered === requests.length) resolve(socket.destroy());
        });
        for (const request of requests) socket.write(request);
    });
}

if (!again)
    await lane([Buffer.from(head("", { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": 2 * count * PAGE }, 0))]);
const all = Array.from({ length: count }, (_, i) => write(i));
await Promise.all(Array.from({ length: LANES }, (_, i) => lane(all.filter((_, number) => number % LANES === i))));
