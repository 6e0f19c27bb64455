// azurite.mjs COMMAND... - what the test of copies with Azurite asks of the official SDK.
//   free-port                             prints a port nobody listens on
//   sas CONTAINER BLOB RIGHTS FILE [T]    writes a SAS URL of it (of its snapshot T) into FILE
//   make FILE FOOTER                      the page blob of FILE: data, holes, zero pages, a footer
//   change FILE                           other data, cleared pages, pages written and cleared
//   block FILE                            the block blob of FILE
//   same FILE FILE                        downloads both and compares byte for byte
//   zero FILE OFFSET BYTES                downloads it: are these bytes zero?
// A URL is a secret and stays in files. Environment: AZURITE_URL, REGION_KEY, the public key.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import {
    BlobSASPermissions,
    BlockBlobClient,
    PageBlobClient,
    generateBlobSASQueryParameters,
} from "@azure/storage-blob";
import { check, equal, sameBytes, truth } from "./check.mjs";
import { ACCOUNT, MIB, PAGE, credential, pattern, read, service, write } from "./region.mjs";

const DISK_BYTES = 24 * MIB;
const url = (file) => readFileSync(file, "utf8").trim();
const pages = (file) => new PageBlobClient(url(file));

function freePort() {
    const server = createServer().listen(0, "127.0.0.1", () => {
        console.log(server.address().port);
        server.close();
    });
}

async function sas(container, blob, rights, file, snapshot) {
    const parent = service(process.env.AZURITE_URL).getContainerClient(container);
    await parent.createIfNotExists();
    const base = parent.getBlobClient(blob);
    const parameters = generateBlobSASQueryParameters(
        {
            containerName: container,
            blobName: blob,
            permissions: BlobSASPermissions.parse(rights),
            expiresOn: new Date(Date.now() + 3600e3),
            snapshotTime: snapshot,
        },
        credential(ACCOUNT),
    );
    const at = snapshot ? `${base.withSnapshot(snapshot).url}&` : `${base.url}?`;
    writeFileSync(file, at + parameters.toString(), { mode: 0o600 });
}

async function make(file, footer) {
    const blob = pages(file);
    await blob.create(DISK_BYTES + PAGE);
    for (let i = 0; i < 5; i++) await write(blob, i * MIB, pattern(MIB, i + 1)); // five in a row
    for (let i = 0; i < 40; i++) await write(blob, 8 * MIB + i * 65536, pattern(PAGE * 3, 90 + i));
    await write(blob, 12 * MIB, Buffer.alloc(MIB)); // allocated, and zero
    await write(blob, 12 * MIB + 4 * PAGE, pattern(PAGE, 7)); // but for one page
    await write(blob, DISK_BYTES - 2 * MIB, pattern(2 * MIB, 8)); // up to the footer
    await write(blob, DISK_BYTES, readFileSync(footer));
}

async function change(file) {
    const blob = pages(file);
    await write(blob, MIB + 3 * PAGE, pattern(PAGE * 5, 200));
    await blob.clearPages(2 * MIB, MIB);
    await blob.clearPages(8 * MIB + 65536, PAGE);
    await write(blob, 16 * MIB, pattern(MIB / 2, 201)); // in what was a hole
    await blob.clearPages(16 * MIB + PAGE, PAGE * 9);
}

async function same(one, two) {
    const [a, b] = await Promise.all([read(pages(one)), read(pages(two))]);
    await check("the SDK reads the same bytes from both", () => {
        equal(a.bytes.length, a.contentLength, "all of it");
        truth(a.bytes.subarray(-PAGE).toString("latin1", 0, 8) === "conectix", "a footer at the end");
        sameBytes(b.bytes, a.bytes);
    });
}

async function zero(file, offset, bytes) {
    const got = await read(pages(file), Number(offset), Number(bytes));
    await check("these bytes are zero", () => sameBytes(got.bytes, Buffer.alloc(Number(bytes))));
}

const block = (file) => new BlockBlobClient(url(file)).upload("not a disk", 10);

const commands = { "free-port": freePort, sas, make, change, block, same, zero };
try {
    await commands[process.argv[2]](...process.argv.slice(3));
} catch (error) {
    console.log(`${process.argv[2]}: ${error.statusCode ?? ""} ${error.code ?? error.name}`);
    process.exit(1);
}
