// make_snapshot.mjs SAS-URL - snapshots a page blob, prints the time, then spoils the base.
import { PageBlobClient } from "@azure/storage-blob";

const blob = new PageBlobClient(process.argv[2]);
const { snapshot } = await blob.createSnapshot();
await blob.uploadPages(Buffer.alloc(512, 0xee), 0, 512);
console.log(snapshot);
