// A client that writes, one request after the other, and knows what it was told: for servers that end in between.

export interface Writer {
  /** Writes until the server is gone. */
  write(url: string): Promise<void>;
  /** What a server that is back says otherwise than it was told; what was under way may have been done or not. */
  violations(url: string): Promise<string[]>;
  acknowledged(): number;
}

interface Talk {
  id: string;
  title: string;
  /** Texts by id, in the order of their creation. */
  messages: Map<string, string>;
}

/** What was asked for last; whether it was done is not known. */
interface Pending {
  title?: string;
  added?: string;
  removed?: string;
  gone?: boolean;
}

const MOST_MESSAGES = 12;

export function newWriter(number: number): Writer {
  let talk: Talk | undefined;
  let pending: Pending = {};
  /** Threads whose removal was acknowledged. */
  const removed: string[] = [];
  let count = 0;

  return { write, violations, acknowledged: () => count };

  async function write(url: string): Promise<void> {
    try {
      for (;;) await next(url);
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
  }

  async function next(url: string): Promise<void> {
    if (talk === undefined) {
      const title = `writer ${number}`;
      const { id } = await ask(url, "POST", "/threads", { title });
      talk = { id, title, messages: new Map() };
    } else if (talk.messages.size >= MOST_MESSAGES) await remove(url, talk);
    else if (count % 3 === 0) await retitle(url, talk);
    else if (count % 7 === 0 && talk.messages.size > 0) await removeMessage(url, talk);
    else await add(url, talk);
    pending = {};
    count++;
  }

  async function retitle(url: string, talk: Talk): Promise<void> {
    const title = `writer ${number}, ${count} ${"x".repeat(count % 500)}`;
    pending = { title };
    await ask(url, "PATCH", `/threads/${talk.id}`, { title });
    talk.title = title;
  }

  async function add(url: string, talk: Talk): Promise<void> {
    const added = `${number}, ${count} ${"y".repeat((count * 37) % 5000)}`;
    pending = { added };
    const { id } = await ask(url, "POST", `/threads/${talk.id}/messages`, { role: "user", content: added });
    talk.messages.set(id, added);
  }

  async function removeMessage(url: string, talk: Talk): Promise<void> {
    const [id = ""] = talk.messages.keys();
    pending = { removed: id };
    await ask(url, "DELETE", `/threads/${talk.id}/messages/${id}`);
    talk.messages.delete(id);
  }

  async function remove(url: string, { id }: Talk): Promise<void> {
    pending = { gone: true };
    await ask(url, "DELETE", `/threads/${id}`);
    removed.push(id);
    talk = undefined;
  }

  async function violations(url: string): Promise<string[]> {
    const wrong: string[] = [];
    for (const id of removed) if ((await get(url, `/threads/${id}`)).status !== 404) wrong.push(`${id} is back.`);
    if (talk === undefined) return wrong;
    const { status, body } = await get(url, `/threads/${talk.id}`);
    if (status === 404 && pending.gone) talk = undefined;
    else if (status !== 200) wrong.push(`Thread ${talk.id}: ${status} ${JSON.stringify(body)}`);
    else if (body.title !== talk.title && body.title !== pending.title) wrong.push(`Thread ${talk.id} is called ${body.title}.`);
    else {
      talk.title = body.title;
      wrong.push(...compared(talk, (await get(url, `/threads/${talk.id}/messages?limit=100&order=asc`)).body.data));
    }
    pending = {};
    return wrong;
  }

  /** From then on, what is there is what was told. */
  function compared(talk: Talk, data: { id: string; content: [{ text: { value: string } }] }[]): string[] {
    const found = new Map(data.map(({ id, content }) => [id, content[0].text.value]));
    const told = new Map(talk.messages);
    if (pending.removed !== undefined && !found.has(pending.removed)) told.delete(pending.removed);
    const last = data.at(-1);
    if (last !== undefined && !told.has(last.id) && pending.added === found.get(last.id)) told.set(last.id, pending.added!);
    talk.messages = found;
    const same = JSON.stringify([...found]) === JSON.stringify([...told]);
    return same ? [] : [`Thread ${talk.id} has ${[...found.keys()]} instead of ${[...told.keys()]}.`];
  }
}

/** An answer that nobody has wished for, as opposed to none. */
class Refused extends Error {}

async function ask(url: string, method: string, path: string, body?: object): Promise<{ id: string }> {
  const init = { method, headers: { "content-type": "application/json" }, body: body ? JSON.stringify(body) : null };
  const res = await fetch(`${url}/v1${path}`, init);
  const text = await res.text();
  if (res.status !== 200) throw new Refused(`${method} ${path}: ${res.status} ${text}`);
  return JSON.parse(text) as { id: string };
}

async function get(url: string, path: string): Promise<{ status: number; body: any }> {
  const res = await fetch(`${url}/v1${path}`);
  return { status: res.status, body: await res.json() };
}
