// containers.mjs - containers, lists and stored policies, by the official SDK.
import { check, equal, refused, truth } from "./check.mjs";
import { ACCOUNT, URL_ONE, container, service } from "./region.mjs";

async function names(iterator) {
    const out = [];
    for await (const item of iterator)
        out.push(item.kind === "prefix" ? `${item.name}*` : item.name);
    return out;
}

async function pages(iterator) {
    const out = [];
    for await (const page of iterator) {
        const items = page.containerItems ?? [
            ...(page.segment.blobPrefixes ?? []),
            ...page.segment.blobItems,
        ];
        out.push(items.map((item) => item.name));
    }
    return out;
}

async function life() {
    const client = service().getContainerClient("lives-and-dies");
    equal(await client.exists(), false, "exists before");
    await client.create({ metadata: { owner: "me", some_thing: "else" } });
    await refused(409, "ContainerAlreadyExists", client.create());
    const got = await client.getProperties();
    equal(got.metadata, { owner: "me", some_thing: "else" }, "metadata");
    truth(/^"0x[0-9A-F]+"$/.test(got.etag), "an ETag as the service writes it");
    const set = await client.setMetadata({ next: "2" });
    truth(set.etag !== got.etag, "a new ETag");
    equal((await client.getProperties()).metadata, { next: "2" }, "replaced metadata");
    await client.delete();
    await refused(404, "ContainerNotFound", client.getProperties());
    equal((await client.deleteIfExists()).succeeded, false, "deleted twice");
}

async function listContainers() {
    for (const name of ["list-a", "list-b", "list-c", "other-d"]) {
        await service().createContainer(name, { metadata: { n: name } });
    }
    equal(await names(service().listContainers({ prefix: "list-" })), [
        "list-a",
        "list-b",
        "list-c",
    ]);
    const byTwo = service().listContainers({ prefix: "list-" }).byPage({ maxPageSize: 2 });
    equal(await pages(byTwo), [["list-a", "list-b"], ["list-c"]], "pages");
    for await (const item of service().listContainers({
        prefix: "list-a",
        includeMetadata: true,
    })) {
        equal(item.metadata, { n: "list-a" }, "metadata in the list");
    }
}

async function listBlobs() {
    const client = await container();
    const odd = "dir/with space/ä+%&<>.vhd";
    for (const name of ["a.vhd", "dir/b.vhd", "dir/sub/c.vhd", odd, "z.vhd"]) {
        await client.getPageBlobClient(name).create(1024, { metadata: { k: "v" } });
    }
    const all = ["a.vhd", "dir/b.vhd", "dir/sub/c.vhd", odd, "z.vhd"];
    equal(await names(client.listBlobsFlat()), all, "flat");
    equal(await names(client.listBlobsFlat({ prefix: "dir/s" })), ["dir/sub/c.vhd"], "prefix");
    const byHand = await names(client.listBlobsByHierarchy("/"));
    equal(byHand.sort(), ["a.vhd", "dir/*", "z.vhd"], "hierarchy");
    const deeper = await names(client.listBlobsByHierarchy("/", { prefix: "dir/" }));
    equal(deeper.sort(), ["dir/b.vhd", "dir/sub/*", "dir/with space/*"], "hierarchy below");
    const byTwo = await pages(client.listBlobsFlat().byPage({ maxPageSize: 2 }));
    equal(byTwo, [all.slice(0, 2), all.slice(2, 4), all.slice(4)], "pages");
}

async function listBlobDetails() {
    const client = await container();
    const blob = client.getPageBlobClient("one.vhd");
    await blob.create(4096, { metadata: { k: "v" }, blobSequenceNumber: 7 });
    const first = (await blob.createSnapshot()).snapshot;
    const second = (await blob.createSnapshot()).snapshot;
    const plain = [];
    for await (const item of client.listBlobsFlat({ includeMetadata: true })) plain.push(item);
    equal(plain.length, 1, "without snapshots");
    equal(plain[0].metadata, { k: "v" }, "metadata");
    const { contentLength, blobType, blobSequenceNumber, etag } = plain[0].properties;
    equal([contentLength, blobType, blobSequenceNumber], [4096, "PageBlob", 7], "properties");
    equal(etag.replaceAll('"', ""), (await blob.getProperties()).etag.replaceAll('"', ""), "ETag");
    const listed = [];
    for await (const item of client.listBlobsFlat({ includeSnapshots: true })) {
        listed.push(item.snapshot || "base");
    }
    equal(listed, [first, second, "base"], "snapshots in the list");
}

async function policies() {
    const client = await container();
    const start = new Date("2024-01-01T00:00:00Z");
    const expiry = new Date("2034-01-01T00:00:00Z");
    await client.setAccessPolicy(undefined, [
        { id: "read-only", accessPolicy: { startsOn: start, expiresOn: expiry, permissions: "r" } },
        { id: "open", accessPolicy: { permissions: "rw" } },
    ]);
    const got = (await client.getAccessPolicy()).signedIdentifiers;
    equal(
        got.map((one) => one.id),
        ["read-only", "open"],
        "ids",
    );
    equal(got[0].accessPolicy.startsOn.toISOString(), start.toISOString(), "start");
    equal(got[0].accessPolicy.expiresOn.toISOString(), expiry.toISOString(), "expiry");
    equal(got[1].accessPolicy.permissions, "rw", "permissions");
    const six = [1, 2, 3, 4, 5, 6].map((n) => ({
        id: `id${n}`,
        accessPolicy: { permissions: "r" },
    }));
    await refused(400, "InvalidXmlDocument", client.setAccessPolicy(undefined, six));
    await client.setAccessPolicy(undefined, []);
    equal((await client.getAccessPolicy()).signedIdentifiers, [], "none left");
}

async function account() {
    const info = await service().getAccountInfo();
    truth(info.skuName && info.accountKind, "account information");
    await service().getProperties();
}

export async function containers() {
    equal(new URL(service().url).pathname, `/${ACCOUNT}`, URL_ONE);
    await check("containers are made, described and deleted", life);
    await check("containers are listed by prefix and page", listContainers);
    await check("blobs are listed flat, by hierarchy and by page, odd names included", listBlobs);
    await check(
        "a list tells size, type, sequence number, metadata and snapshots",
        listBlobDetails,
    );
    await check("stored policies are kept, five at most", policies);
    await check("the account tells what it is", account);
}
