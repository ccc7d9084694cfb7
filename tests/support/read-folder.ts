// Reads threads of a data folder on whatever runtime it is started with: `FOLDER ID…`. Prints what each gives, and the list.
import { openFolder, readings } from "./folder.ts";

const [base = "", ...ids] = process.argv.slice(2);
const { store } = openFolder(base);
const { data } = await store.threads.list({ limit: 100 });
console.log(JSON.stringify({ readings: await readings(store, ids), listed: data.map(({ id }) => id) }));
