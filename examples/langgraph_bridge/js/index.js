// SPDX-License-Identifier: Apache-2.0

/**
 * A LangGraph.js checkpoint saver that keeps its state in agentstore, through the bridge
 * (`langgraph_bridge --store URI`).
 *
 *     const checkpointer = new AgentStoreSaver({ url: "http://127.0.0.1:8730" });
 *     const graph = builder.compile({ checkpointer });
 */
import {
  BaseCheckpointSaver,
  copyCheckpoint,
  getCheckpointId,
} from "@langchain/langgraph-checkpoint";

/** What the bridge answered with: `code` is agentstore's, e.g. "unavailable". */
export class AgentStoreError extends Error {
  constructor(status, { code, operation, key, message }) {
    super(message);
    this.name = "AgentStoreError";
    this.status = status;
    this.code = code;
    this.operation = operation;
    this.key = key;
  }
}

/** The most that a timer can count, 24 days. A greater number would end it at once. */
const longestTimeout = 2 ** 31 - 1;

export class AgentStoreSaver extends BaseCheckpointSaver {
  #url;
  #headers;
  #fetch;
  #timeout;
  #places;

  constructor(
    { url, token, timeout = 60_000, maxCalls = 32, fetch = globalThis.fetch } = {},
    serde,
  ) {
    super(serde);
    if (typeof url !== "string") {
      throw new Error("AgentStoreSaver needs the url of the bridge, e.g. http://127.0.0.1:8730");
    }
    this.#url = url.replace(/\/+$/, "");
    this.#headers = { "content-type": "application/json" };
    if (token !== undefined) {
      this.#headers.authorization = `Bearer ${token}`;
    }
    if (!Number.isInteger(timeout) || timeout < 1 || timeout > longestTimeout) {
      throw new Error(
        `AgentStoreSaver: timeout is not a whole number of milliseconds from 1 to ${longestTimeout}`,
      );
    }
    if (!Number.isInteger(maxCalls) || maxCalls < 1) {
      throw new Error("AgentStoreSaver: maxCalls is not a whole number from 1 on");
    }
    this.#timeout = timeout;
    this.#places = new Places(maxCalls);
    this.#fetch = fetch;
  }

  async getTuple(config) {
    const { thread_id, checkpoint_ns } = config.configurable ?? {};
    if (thread_id === undefined) {
      return undefined;
    }
    const { tuple } = await this.#call("get_tuple", {
      thread_id,
      checkpoint_ns,
      checkpoint_id: getCheckpointId(config) || undefined,
    });
    return tuple === null ? undefined : this.#decodeTuple(tuple);
  }

  async *list(config, { limit, before, filter } = {}) {
    if (limit !== undefined && limit <= 0) {
      return;
    }
    const { tuples } = await this.#call("list", {
      thread_id: config?.configurable?.thread_id,
      checkpoint_ns: config?.configurable?.checkpoint_ns,
      checkpoint_id: (config && getCheckpointId(config)) || undefined,
      before: (before && getCheckpointId(before)) || undefined,
      filter: await this.#encodeMetadata(filter ?? {}, { skipUndefined: true }),
      limit,
    });
    for (const tuple of tuples) {
      yield await this.#decodeTuple(tuple);
    }
  }

  async put(config, checkpoint, metadata, newVersions) {
    const where = requireThread("put", config);
    const { channel_values: values, ...rest } = copyCheckpoint(checkpoint);
    const changed = Object.entries(values).filter(([channel]) => Object.hasOwn(newVersions, channel));
    const { config: stored } = await this.#call("put", {
      config: { ...where, checkpoint_id: getCheckpointId(config) || undefined },
      checkpoint: { ...rest, channel_values: await mapValues(changed, (v) => this.#encode(v)) },
      metadata: await this.#encodeMetadata(metadata),
      new_versions: newVersions,
    });
    return { configurable: stored };
  }

  async putWrites(config, writes, taskId, taskPath) {
    const where = requireThread("putWrites", config);
    const checkpoint_id = getCheckpointId(config);
    if (!checkpoint_id) {
      throw new Error("AgentStoreSaver.putWrites: config.configurable.checkpoint_id is missing");
    }
    await this.#call("put_writes", {
      config: { ...where, checkpoint_id },
      writes: await Promise.all(
        writes.map(async ([channel, value]) => [channel, await this.#encode(value)]),
      ),
      task_id: taskId,
      task_path: taskPath,
    });
  }

  async deleteThread(threadId) {
    await this.#call("delete_thread", { thread_id: threadId });
  }

  async copyThread(source, target) {
    return (await this.#call("copy_thread", { source, target })).copied;
  }

  async prune(threadIds, { strategy = "keep_latest" } = {}) {
    await this.#call("prune", { thread_ids: threadIds, strategy });
  }

  async #call(operation, request) {
    await this.#places.take();
    try {
      return await this.#send(operation, request);
    } finally {
      this.#places.give();
    }
  }

  async #send(operation, request) {
    const response = await this.#fetch(`${this.#url}/v1/${operation}`, {
      method: "POST",
      headers: this.#headers,
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(this.#timeout),
    });
    const text = await response.text();
    if (response.ok) {
      return JSON.parse(text);
    }
    let error;
    try {
      ({ error } = JSON.parse(text));
    } catch {
      // Not the bridge's own answer: what stands between may have another form.
    }
    throw new AgentStoreError(
      response.status,
      error ?? { code: "unknown", operation, key: "", message: `HTTP status ${response.status}` },
    );
  }

  // Values. What the serde makes of one is kept as it is: a text if it is JSON, else its bytes.

  async #encode(value) {
    return encodeTyped(...(await this.serde.dumpsTyped(value)));
  }

  async #decode(encoded) {
    if (Array.isArray(encoded)) {
      return Promise.all(encoded.map((each) => this.#decode(each))); // pending sends of old formats
    }
    return this.serde.loadsTyped(encoded.type, decodeTyped(encoded));
  }

  // Metadata. Filters compare it, so it is plain JSON as far as the server can hold it.

  async #encodeMetadata(metadata, { skipUndefined = false } = {}) {
    const entries = Object.entries(metadata).filter(([, v]) => !skipUndefined || v !== undefined);
    return mapValues(entries, async (value) => {
      const [type, data] = await this.serde.dumpsTyped(value);
      const encoded = encodeTyped(type, data);
      if (type === "json" && encoded.text !== undefined && isPlain(encoded.text)) {
        const parsed = JSON.parse(encoded.text);
        if (!isWrapped(parsed)) {
          return parsed;
        }
      }
      return { [wrapped]: encoded };
    });
  }

  async #decodeMetadata(metadata) {
    return mapValues(Object.entries(metadata), (value) =>
      isWrapped(value)
        ? this.#decode(value[wrapped])
        : this.serde.loadsTyped("json", JSON.stringify(value)),
    );
  }

  async #decodeTuple({ config, checkpoint, metadata, parent_config, pending_writes }) {
    const [channel_values, decodedMetadata, pendingWrites] = await Promise.all([
      mapValues(Object.entries(checkpoint.channel_values), (value) => this.#decode(value)),
      this.#decodeMetadata(metadata),
      Promise.all(
        pending_writes.map(async ([taskId, channel, value]) => [
          taskId,
          channel,
          await this.#decode(value),
        ]),
      ),
    ]);
    return {
      config: { configurable: config },
      checkpoint: { ...checkpoint, channel_values },
      metadata: decodedMetadata,
      parentConfig: parent_config && { configurable: parent_config },
      pendingWrites,
    };
  }
}

/**
 * A number of places, given to those who wait for one in the order in which they came. Each call
 * under way has a connection of its own, and a graph may make thousands of calls at once.
 */
class Places {
  #free;
  #waiting = [];
  #next = 0;

  constructor(count) {
    this.#free = count;
  }

  async take() {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  give() {
    if (this.#next === this.#waiting.length) {
      this.#free += 1;
      return;
    }
    this.#waiting[this.#next]();
    this.#next += 1;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
  }
}

/** The one member of a metadata value that is not plain JSON. */
const wrapped = "__agentstore_encoded__";

function isWrapped(value) {
  return value !== null && typeof value === "object" && Object.hasOwn(value, wrapped);
}

function encodeTyped(type, data) {
  if (typeof data === "string") {
    return { type, text: data };
  }
  if (type === "json") {
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
      return { type, text };
    } catch {
      // Another serde's bytes.
    }
  }
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { type, base64: bytes.toString("base64") };
}

function decodeTyped({ text, base64 }) {
  return text !== undefined ? text : new Uint8Array(Buffer.from(base64, "base64"));
}

/** Whether a JSON text holds nothing that the server refuses: half a surrogate pair, great depth. */
function isPlain(text) {
  if (/\\ud[89a-f]/i.test(text)) {
    return false;
  }
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === "[" || token === "{") {
      deepest = Math.max(deepest, (depth += 1));
    } else if (token === "]" || token === "}") {
      depth -= 1;
    }
  }
  return deepest <= 64;
}

async function mapValues(entries, map) {
  const mapped = {};
  await Promise.all(
    entries.map(async ([key, value]) => {
      // Whatever the key: an assignment would take "__proto__" for something else.
      Object.defineProperty(mapped, key, {
        value: undefined,
        writable: true,
        enumerable: true,
        configurable: true,
      });
      const result = await map(value);
      Object.defineProperty(mapped, key, { value: result });
    }),
  );
  return mapped;
}

function requireThread(method, config) {
  const { thread_id, checkpoint_ns = "" } = config?.configurable ?? {};
  if (thread_id === undefined) {
    throw new Error(`AgentStoreSaver.${method}: config.configurable.thread_id is missing`);
  }
  return { thread_id, checkpoint_ns };
}
