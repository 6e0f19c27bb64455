// sas.mjs - shared access signatures made by the official SDK, each era, kind and refusal.
import {
    AccountSASPermissions,
    AccountSASResourceTypes,
    AccountSASServices,
    BlobSASPermissions,
    ContainerClient,
    ContainerSASPermissions,
    SASProtocol,
    generateAccountSASQueryParameters,
    generateBlobSASQueryParameters,
} from "@azure/storage-blob";
import { check, equal, refused, sameBytes, truth } from "./check.mjs";
import {
    ACCOUNT,
    MIB,
    credential,
    disk,
    entries,
    pageBlob,
    pattern,
    read,
    sasUrl,
    service,
    write,
} from "./region.mjs";

const hour = () => new Date(Date.now() + 3600e3);
const ERAS = [
    "2015-04-05",
    "2017-04-17",
    "2018-03-28",
    "2018-11-09",
    "2020-10-02",
    "2020-12-06",
    "2026-04-06",
];

// A client for the blob with a signature of these values; its snapshot, if the values name one.
function signed(blob, values) {
    const parameters = generateBlobSASQueryParameters(
        {
            containerName: blob.containerName,
            blobName: blob.name,
            permissions: BlobSASPermissions.parse("r"),
            expiresOn: values.identifier ? undefined : hour(),
            ...values,
        },
        credential(blob.accountName),
    );
    return pageBlob(
        sasUrl(values.snapshotTime ? blob.withSnapshot(values.snapshotTime) : blob, parameters),
    );
}

const letters = (text) => ({ permissions: BlobSASPermissions.parse(text) });

async function eras() {
    const blob = await disk(MIB);
    const bytes = pattern(512);
    await write(blob, 0, bytes);
    for (const version of ERAS) {
        const client = signed(blob, { version, ...letters("rw") });
        truth(client.url.includes(`sv=${version}`), `the URL is of ${version}`);
        sameBytes((await read(client, 0, 512)).bytes, bytes, version);
        await write(client, 512, bytes);
    }
}

async function permissions() {
    const blob = await disk(MIB);
    const bytes = pattern(512);
    const mismatch = "AuthorizationPermissionMismatch";
    const reader = signed(blob, letters("r"));
    await reader.getProperties();
    await entries(reader.listPageRanges());
    await refused(403, mismatch, write(reader, 0, bytes));
    await refused(403, mismatch, reader.clearPages(0, 512));
    await refused(403, mismatch, reader.resize(MIB));
    await refused(403, mismatch, reader.setMetadata({ a: "1" }));
    await refused(403, mismatch, reader.createSnapshot());
    await refused(403, mismatch, reader.delete());
    const writer = signed(blob, letters("w"));
    await write(writer, 0, bytes);
    await writer.resize(2 * MIB);
    await writer.createSnapshot();
    await refused(403, mismatch, read(writer, 0, 512));
    await refused(403, mismatch, writer.delete({ deleteSnapshots: "include" }));
    await signed(blob, letters("d")).delete({ deleteSnapshots: "include" });
    await signed(blob, letters("c")).create(MIB);
    equal((await blob.getProperties()).contentLength, MIB, "created with c alone");
}

async function snapshotKinds() {
    const blob = await disk(MIB);
    const old = pattern(512, 1);
    await write(blob, 0, old);
    const time = (await blob.createSnapshot()).snapshot;
    await write(blob, 0, pattern(512, 2));
    const other = (await blob.createSnapshot()).snapshot;
    for (const version of ["2018-11-09", "2020-12-06"]) {
        const client = signed(blob, { snapshotTime: time, version });
        truth(client.url.includes("sr=bs"), "sr=bs");
        sameBytes((await read(client, 0, 512)).bytes, old, `sr=bs of ${version}`);
        await refused(403, "AuthenticationFailed", client.withSnapshot(other).getProperties());
        await refused(403, "AuthenticationFailed", client.withSnapshot("").getProperties());
    }
    const base = signed(blob, {});
    sameBytes(
        (await read(base.withSnapshot(time), 0, 512)).bytes,
        old,
        "the base's reads snapshots",
    );
}

async function containerKind() {
    const blob = await disk(MIB);
    const parameters = generateBlobSASQueryParameters(
        {
            containerName: blob.containerName,
            permissions: ContainerSASPermissions.parse("rcwdl"),
            expiresOn: hour(),
        },
        credential(),
    );
    truth(parameters.toString().includes("sr=c"), "sr=c");
    const parent = service().getContainerClient(blob.containerName);
    const client = new ContainerClient(sasUrl(parent, parameters));
    const names = [];
    for await (const item of client.listBlobsFlat()) names.push(item.name);
    equal(names, ["disk.vhd"], "listed");
    const made = client.getPageBlobClient("made.vhd");
    await made.create(4096);
    await write(made, 0, pattern(512));
    await made.delete();
    await refused(403, "AuthorizationPermissionMismatch", client.delete());
    await refused(403, "AuthorizationPermissionMismatch", client.getAccessPolicy());
}

async function storedPolicy() {
    const blob = await disk(MIB);
    const parent = service().getContainerClient(blob.containerName);
    const policy = (expiresOn) => [
        { id: "access-1", accessPolicy: { expiresOn, permissions: "rw" } },
    ];
    await parent.setAccessPolicy(undefined, policy(hour()));
    for (const version of ["2017-04-17", "2018-03-28", "2020-12-06"]) {
        const client = signed(blob, { identifier: "access-1", permissions: undefined, version });
        truth(!client.url.includes("se=") && client.url.includes("si=access-1"), "si= without se=");
        await write(client, 0, pattern(512));
    }
    const client = signed(blob, { identifier: "access-1", permissions: undefined });
    await parent.setAccessPolicy(undefined, policy(new Date("2020-01-01T00:00:00Z")));
    const late = await refused(403, "AuthenticationFailed", read(client, 0, 512));
    const detail = late.details?.authenticationErrorDetail ?? "";
    truth(
        /not valid in the specified time frame/.test(detail),
        `the detail of an expiry: ${detail}`,
    );
    await parent.setAccessPolicy(undefined, []);
    await refused(403, "AuthenticationFailed", read(client, 0, 512));
    const both = signed(blob, { identifier: "access-1", expiresOn: hour() });
    await parent.setAccessPolicy(undefined, policy(hour()));
    await refused(403, "AuthenticationFailed", read(both, 0, 512));
}

async function times() {
    const blob = await disk(MIB);
    const past = new Date(Date.now() - 60e3);
    const expired = await refused(
        403,
        "AuthenticationFailed",
        read(signed(blob, { expiresOn: past }), 0, 512),
    );
    truth(
        /time frame: Start \[.*\] - Expiry \[.* GMT\] - Current \[.* GMT\]/.test(
            expired.details?.authenticationErrorDetail ?? "",
        ),
        "Start, Expiry and Current",
    );
    await refused(
        403,
        "AuthenticationFailed",
        read(
            signed(blob, { startsOn: hour(), expiresOn: new Date(Date.now() + 2 * 3600e3) }),
            0,
            512,
        ),
    );
    await read(signed(blob, { startsOn: past }), 0, 512);
}

async function protocolAndAddress() {
    const blob = await disk(MIB);
    const https = signed(blob, { protocol: SASProtocol.Https });
    await refused(403, "AuthorizationProtocolMismatch", read(https, 0, 512));
    await read(signed(blob, { protocol: SASProtocol.HttpsAndHttp }), 0, 512);
    await read(signed(blob, { ipRange: { start: "127.0.0.1" } }), 0, 512);
    await read(signed(blob, { ipRange: { start: "127.0.0.0", end: "127.0.0.9" } }), 0, 512);
    const foreign = signed(blob, { ipRange: { start: "10.0.0.1", end: "10.0.0.9" } });
    await refused(403, "AuthorizationSourceIPMismatch", read(foreign, 0, 512));
}

async function forgeries() {
    const blob = await disk(MIB);
    const good = signed(blob, letters("r")).url;
    const at = (url) => pageBlob(url).getProperties();
    const failed = "AuthenticationFailed";
    await at(good);
    await refused(403, failed, at(good.replace("sp=r", "sp=rw")));
    await refused(403, failed, at(good.replace(/se=2/, "se=3")));
    await refused(403, failed, at(good.replace("disk.vhd", "other.vhd")));
    await refused(403, failed, at(good.replace(/sig=../, "sig=AA")));
    await refused(403, failed, at(`${good}&sp=rwd`));
    await refused(401, "NoAuthenticationInformation", at(blob.url));
    const plus = new URL(good);
    const signature = plus.searchParams.get("sig");
    const raw = good.replace(/sig=[^&]*/, `sig=${signature}`);
    if (signature.includes("+")) await refused(403, failed, at(raw));
}

async function specialNames() {
    const client = service().getContainerClient(`odd-${process.pid}`);
    await client.create();
    for (const name of ["dir/with space/ä+%&.vhd", "a=b;c,d", "x/../y.vhd"]) {
        const blob = client.getPageBlobClient(name);
        await blob.create(512);
        equal((await signed(blob, {}).getProperties()).contentLength, 512, name);
    }
}

async function accountKind() {
    const values = (types) => ({
        expiresOn: hour(),
        permissions: AccountSASPermissions.parse("rwdlac"),
        services: AccountSASServices.parse("b").toString(),
        resourceTypes: AccountSASResourceTypes.parse(types).toString(),
    });
    const blob = await disk(MIB);
    const with_ = (types) => generateAccountSASQueryParameters(values(types), credential());
    await write(pageBlob(sasUrl(blob, with_("sco"))), 0, pattern(512));
    const containersOnly = pageBlob(sasUrl(blob, with_("c")));
    await refused(403, "AuthorizationResourceTypeMismatch", containersOnly.getProperties());
    const names = [];
    const client = new ContainerClient(
        sasUrl(service().getContainerClient(blob.containerName), with_("c")),
    );
    for await (const item of client.listBlobsFlat()) names.push(item.name);
    equal(names, ["disk.vhd"], `listed by ${ACCOUNT}'s signature`);
}

async function overrides() {
    const blob = await disk(MIB);
    const client = signed(blob, { contentType: "text/x-told", contentDisposition: "inline; a=b" });
    const answer = await read(client, 0, 512);
    equal([answer.contentType, answer.contentDisposition], ["text/x-told", "inline; a=b"]);
    await refused(
        403,
        "AuthenticationFailed",
        read(pageBlob(client.url.replace("x-told", "x-other")), 0, 512),
    );
}

export async function sas() {
    await check("signatures of every era open a blob", eras);
    await check("each operation needs its permission", permissions);
    await check("sr=bs opens one snapshot, sr=b the blob and its snapshots", snapshotKinds);
    await check("sr=c lists, makes and deletes blobs and nothing more", containerKind);
    await check("a stored policy grants until it ends or is revoked", storedPolicy);
    await check("st and se bound the time, and the refusal tells them", times);
    await check("spr and sip are judged", protocolAndAddress);
    await check("changed, doubled and missing signatures are refused", forgeries);
    await check("a signature may say the headers of the answer", overrides);
    await check("odd names are signed as they are", specialNames);
    await check("an account signature names its kinds of resource", accountKind);
}
