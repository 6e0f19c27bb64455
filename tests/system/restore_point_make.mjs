// restore_point_make.mjs - makes what restore_point_test.sh looks at, at the snapferryd at $one_URL:
//   collection NAME LOCATION SOURCE-ID     point COLLECTION NAME [SOURCE-POINT-ID], waits until it is complete
//   disk COLLECTION POINT NAME             prints the id of a disk's restore point
//   deletable COLLECTION POINT             deletes it: refused while somebody has access to one of its disks
import assert from "node:assert/strict";

const { one_URL: endpoint, SNAPFERRYD_TOKEN: token } = process.env;
const compute = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute";
const [verb, ...words] = process.argv.slice(2);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(method, path, body) {
    const answer = await fetch(`${endpoint}${compute}${path}${path.includes("?") ? "&" : "?"}api-version=2024-07-01`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : null };
}
const pointPath = (collection, point) => `/restorePointCollections/${collection}/restorePoints/${point}`;

if (verb === "collection") {
    const [name, location, id] = words;
    const { status } = await ask("PUT", `/restorePointCollections/${name}`, { location, properties: { source: { id } } });
    assert.ok(status === 200 || status === 201, `status ${status}`);
} else if (verb === "point") {
    const [collection, point, id] = words;
    const path = pointPath(collection, point);
    const { status, body } = await ask("PUT", path, { properties: id ? { sourceRestorePoint: { id } } : {} });
    assert.ok(status >= 200 && status < 300, `status ${status}: ${JSON.stringify(body)}`);
    for (;;) {
        const { properties } = (await ask("GET", `${path}?$expand=instanceView`)).body;
        assert.notEqual(properties.provisioningState, "Failed");
        const disks = properties.instanceView?.diskRestorePoints ?? [];
        if (disks.length && disks.every((d) => d.replicationStatus.status.code === "ReplicationState/succeeded")) break;
        await sleep(100);
    }
} else if (verb === "disk") {
    const [collection, point, name] = words;
    const storage = (await ask("GET", pointPath(collection, point))).body.properties.sourceMetadata.storageProfile;
    const disk = [storage.osDisk, ...storage.dataDisks].find((d) => d.name === name);
    console.log(disk.diskRestorePoint.id);
} else if (verb === "deletable") {
    const path = pointPath(...words);
    const { status, body } = await ask("DELETE", path);
    assert.ok(status < 300, `status ${status}: ${body?.error?.code}`);
    while ((await ask("GET", path)).status !== 404) await sleep(100);
} else {
    throw new Error(`unknown verb ${verb}`);
}
