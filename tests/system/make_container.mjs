// make_container.mjs URL ACCOUNT NAME - makes a container with the account's key (REGION_KEY).
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

const [url, account, name] = process.argv.slice(2);
const credential = new StorageSharedKeyCredential(account, process.env.REGION_KEY);
await new BlobServiceClient(`${url}/${account}`, credential).createContainer(name);
