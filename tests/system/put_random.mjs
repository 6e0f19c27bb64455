// put_random.mjs - node put_random.mjs BLOB_URL OFFSET BYTES: random pages into a blob, 4 MiB a request.
import crypto from "node:crypto";

const [url, from, count] = process.argv.slice(2);
const end = Number(from) + Number(count);

for (let at = Number(from); at < end; at += 4 << 20) {
    const body = crypto.randomBytes(Math.min(4 << 20, end - at));
    const answer = await fetch(`${url}&comp=page`, {
        method: "PUT",
        body,
        headers: {
            "x-ms-version": "2021-08-06",
            "x-ms-page-write": "update",
            "x-ms-range": `bytes=${at}-${at + body.length - 1}`,
        },
    });
    if (answer.status !== 201) {
        console.log(`status ${answer.status}`);
        process.exit(1);
    }
}
