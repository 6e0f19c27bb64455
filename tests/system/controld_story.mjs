// controld_story.mjs - the story of the documents with the official SDK (@azure/arm-compute), told to the snapferryd at
// $one_URL. Run by controld_story_test.sh in its folder: os.raw and data.raw are what the VM's disks hold.
import { ComputeManagementClient } from "@azure/arm-compute";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";

const { one_URL: endpoint, SNAPFERRYD_TOKEN: token, SNAPFERRY_BIN: snapferry, east_LOG: eastLog } = process.env;
const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3600e3 }) };
const client = new ComputeManagementClient(credential, "s1", { endpoint, retryOptions: { maxRetries: 1 } });
const group = "rg";
const compute = `/subscriptions/s1/resourceGroups/${group}/providers/Microsoft.Compute`;
const quick = { updateIntervalInMs: 100 };
const ok = (words) => console.log(`ok ${words}`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fails = async (promise, status, code) => {
    const error = await promise.then(() => assert.fail("it is not refused"), (e) => e);
    assert.equal(error.statusCode, status, error.message);
    assert.equal(error.code ?? error.details?.error?.code, code, error.message);
};

// Polls the instance view until every disk is complete; percent never goes back.
async function complete(collection, point) {
    const seen = new Map();
    for (;;) {
        const { instanceView, provisioningState } = await client.restorePoints.get(group, collection, point, {
            expand: "instanceView",
        });
        assert.notEqual(provisioningState, "Failed", JSON.stringify(instanceView));
        const disks = instanceView.diskRestorePoints;
        for (const { id, replicationStatus: r } of disks) {
            assert.ok(r.completionPercent >= (seen.get(id) ?? 0), "percent goes back");
            assert.ok(r.completionPercent < 100 || r.status.code === "ReplicationState/succeeded");
            seen.set(id, r.completionPercent);
        }
        if (disks.every((d) => d.replicationStatus.status.code === "ReplicationState/succeeded")) {
            assert.ok(disks.every((d) => d.replicationStatus.completionPercent === 100));
            return disks;
        }
        await sleep(200);
    }
}
const bytesTo = (log) =>
    fs.readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line))
        .filter((r) => r.pageWrite === "update" && r.status === 201).reduce((sum, r) => sum + r.bytesIn, 0);

// ---- Two collections, a restore point, its copy ----
const source = await client.restorePointCollections.createOrUpdate(group, "rpc-west", {
    location: "westus",
    tags: { department: "finance" },
    source: { id: `${compute}/virtualMachines/vm1` },
});
assert.equal(source.provisioningState, "Succeeded");
assert.match(source.restorePointCollectionId, /^[0-9a-f-]{36}$/);
const first = await client.restorePoints.create(group, "rpc-west", "rp1", {}, quick);
assert.equal(first.provisioningState, "Succeeded");
assert.equal(first.sourceMetadata.storageProfile.dataDisks.length, 1);
await complete("rpc-west", "rp1");
ok("a local restore point of two disks");
const target = await client.restorePointCollections.createOrUpdate(group, "rpc-east", {
    location: "eastus",
    source: { id: source.id },
});
assert.equal(target.source.location, "westus");
const copy = await client.restorePoints.create(group, "rpc-east", "rp1", { sourceRestorePoint: { id: first.id } }, quick);
assert.equal(copy.provisioningState, "Succeeded");
await complete("rpc-east", "rp1");
const full = bytesTo(eastLog);
ok("a copy of it in the other region");

// ---- Access, byte for byte ----
const diskPoint = (point, name) =>
    (name === "os" ? point.sourceMetadata.storageProfile.osDisk : point.sourceMetadata.storageProfile.dataDisks[0])
        .diskRestorePoint.id.split("/").at(-1);
async function same(collection, point, disk, file) {
    const shown = await client.restorePoints.get(group, collection, point);
    const name = diskPoint(shown, disk);
    const { accessSAS } = await client.diskRestorePoint.grantAccess(group, collection, point, name, {
        access: "Read", durationInSeconds: 600 }, quick);
    const again = await client.diskRestorePoint.grantAccess(group, collection, point, name, {
        access: "Read", durationInSeconds: 1200 }, quick);
    assert.equal(again.accessSAS, accessSAS, "the URL stays while it is extended");
    execFileSync(snapferry, ["copy", "--quiet", "env:SAS", "got.raw"], { env: { ...process.env, SAS: accessSAS } });
    assert.ok(fs.readFileSync("got.raw").equals(fs.readFileSync(file)), `${disk} of ${collection}/${point}`);
    fs.rmSync("got.raw");
    fs.rmSync("got.raw.snapferry", { force: true });
    await fails(client.restorePoints.delete(group, collection, point, quick), 409, "DiskRestorePointUsedByCustomer");
    await client.diskRestorePoint.revokeAccess(group, collection, point, name, quick);
    assert.equal((await fetch(accessSAS, { method: "HEAD" })).status, 403, "revoked at once");
}
await same("rpc-east", "rp1", "os", "os.raw");
await same("rpc-east", "rp1", "data", "data.raw");
ok("access to the copy: the source's bytes, extended with the same URL, revoked");

// ---- A second restore point: a delta ----
const before = bytesTo(eastLog);
for (const disk of ["os", "data"]) {
    const bytes = fs.readFileSync(`${disk}.raw`);
    execFileSync("debugfs", ["-w", "-R", `write ${process.argv[1]} new-file`, `${disk}.raw`], { stdio: "ignore" });
    assert.ok(!bytes.equals(fs.readFileSync(`${disk}.raw`)));
    fs.copyFileSync(`${disk}.raw`, `${disk}.second`);
    execFileSync(snapferry, ["copy", "--quiet", "--map", `${disk}.map`, `${disk}.raw`, `env:DISK_${disk}`]);
}
const second = await client.restorePoints.create(group, "rpc-west", "rp2", {}, quick);
await client.restorePoints.create(group, "rpc-east", "rp2", { sourceRestorePoint: { id: second.id } }, quick);
await complete("rpc-east", "rp2");
await same("rpc-east", "rp2", "os", "os.second");
await same("rpc-east", "rp2", "data", "data.second");
const delta = bytesTo(eastLog) - before;
assert.ok(delta > 0 && delta < full / 4, `${delta} bytes were written for the second, ${full} for the first`);
ok("a second one, copied as a delta");

// ---- Restored disks, and a VM of them ----
const east2 = await client.restorePoints.get(group, "rpc-east", "rp2");
for (const disk of ["os", "data"]) {
    const id = `${east2.id}/diskRestorePoints/${diskPoint(east2, disk)}`;
    const blob = await client.disks.createOrUpdate(group, `blob-${disk}`, {
        location: "eastus", creationData: { createOption: "Restore", sourceResourceId: id } }, quick);
    assert.equal(blob.provisioningState, "Succeeded");
    const answer = await fetch(`${endpoint}${compute}/disks/file-${disk}?api-version=2025-01-02`, {
        method: "PUT",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ location: "eastus", properties: {
            creationData: { createOption: "Restore", sourceResourceId: id },
            "x-snapferry": { file: `restored-${disk}` } } }),
    });
    assert.equal(answer.status, 202, await answer.text());
    for (;;) {
        const shown = await client.disks.get(group, `file-${disk}`);
        assert.notEqual(shown.provisioningState, "Failed");
        if (shown.provisioningState === "Succeeded") break;
        await sleep(100);
    }
}
const vm = await client.virtualMachines.createOrUpdate(group, "vm2", {
    location: "eastus",
    hardwareProfile: { vmSize: "Standard_A1" },
    storageProfile: {
        osDisk: { osType: "Linux", name: "blob-os", createOption: "Attach", managedDisk: { id: `${compute}/disks/blob-os` } },
        dataDisks: [{ lun: 0, name: "blob-data", createOption: "Attach", managedDisk: { id: `${compute}/disks/blob-data` } }],
    },
}, quick);
assert.match(vm.vmId, /^[0-9a-f-]{36}$/);
ok("disks restored as files and blobs, and a VM of them");

// ---- Deletions ----
await client.restorePoints.delete(group, "rpc-east", "rp1", quick);
await fails(client.restorePoints.get(group, "rpc-east", "rp1"), 404, "ResourceNotFound");
await same("rpc-east", "rp2", "os", "os.second");
await client.restorePointCollections.delete(group, "rpc-east", quick);
await fails(client.restorePointCollections.get(group, "rpc-east"), 404, "ResourceNotFound");
await client.restorePointCollections.delete(group, "rpc-west", quick);
const left = [];
for await (const one of client.restorePointCollections.list(group)) left.push(one.name);
assert.deepEqual(left, []);
ok("points and collections deleted, the others as they were");
console.log("the story ended well");
