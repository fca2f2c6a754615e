// SPDX-License-Identifier: Apache-2.0

// What LangGraph's suite does not look at: values that are no JSON, order, errors, the token, the end.
import { once } from "node:events";
import { connect } from "node:net";

import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { AgentStoreError } from "../index.js";
import { Bridge, freshStore } from "./bridge.js";

let store;
let bridge;

beforeEach(async () => {
  store = await freshStore();
  bridge = await Bridge.start(store.uri);
});

afterEach(async () => {
  await bridge.stop();
  await store.drop();
});

const meta = { source: "loop", step: 0, parents: {} };

function checkpoint(values, id = uuid6(0)) {
  return {
    ...emptyCheckpoint(),
    id,
    channel_values: values,
    channel_versions: Object.fromEntries(Object.keys(values).map((key) => [key, 1])),
  };
}

async function put(saver, config, what, metadata = meta) {
  return saver.put({ configurable: config }, what, metadata, what.channel_versions);
}

async function toArray(generator) {
  const out = [];
  for await (const each of generator) {
    out.push(each);
  }
  return out;
}

const nested = (depth) => {
  let value = 1;
  for (let i = 0; i < depth; i += 1) {
    value = i % 2 ? [value] : { value };
  }
  return value;
};

const values = {
  bytes: new Uint8Array([0, 255, 128, 10]),
  nestedBytes: { inside: [new Uint8Array([1, 2, 3])] },
  undefined: undefined,
  nestedUndefined: { a: undefined, b: 1 },
  null: null,
  date: "2026-03-01T12:00:00.000Z",
  map: new Map([["a", 1]]),
  set: new Set([1, 2]),
  regexp: /a+/gi,
  numbers: [0, -1, 1.5, 1e300, 5e-324, Number.MAX_SAFE_INTEGER, 2 ** 64, 1e21],
  texts: ["", "a\0b", "\u{1f600}", "\ud800", "e\u0301", "\u2028", '"\\/', "\ufeff"],
  deep: nested(1000),
  big: "x".repeat(1 << 20),
  "channel:with/odd name\u{1f600}": true,
  __proto: { "": 0 },
};

describe("values", () => {
  it("come back as they were", async () => {
    const saver = bridge.saver();
    const config = await put(saver, { thread_id: "t" }, checkpoint(values));
    await saver.putWrites(config, Object.entries(values), "task");
    const tuple = await saver.getTuple(config);
    expect(tuple.checkpoint.channel_values).toStrictEqual(values);
    expect(tuple.pendingWrites).toStrictEqual(
      Object.entries(values).map(([channel, value]) => ["task", channel, value]),
    );
    expect(await toArray(saver.list({}))).toStrictEqual([tuple]);
  });

  it("keep the order of their members", async () => {
    const saver = bridge.saver();
    const value = { z: 1, a: { y: 2, b: 3 } };
    const config = await put(saver, { thread_id: "t" }, checkpoint({ value }));
    const tuple = await saver.getTuple(config);
    expect(JSON.stringify(tuple.checkpoint.channel_values.value)).toBe(JSON.stringify(value));
  });

  it("are what any serde makes of them", async () => {
    const serde = {
      dumpsTyped: async (value) => [
        "secret",
        new Uint8Array(Buffer.from(JSON.stringify(value)).map((byte) => byte ^ 0xa5)),
      ],
      loadsTyped: async (type, data) => {
        expect(type).toBe("secret");
        return JSON.parse(Buffer.from(data.map((byte) => byte ^ 0xa5)).toString());
      },
    };
    const saver = bridge.saver({}, serde);
    const config = await put(saver, { thread_id: "t" }, checkpoint({ a: { b: [1, "x"] } }));
    await saver.putWrites(config, [["a", "w"]], "task");
    const tuple = await saver.getTuple(config);
    expect(tuple.checkpoint.channel_values).toEqual({ a: { b: [1, "x"] } });
    expect(tuple.metadata).toEqual(meta);
    expect(tuple.pendingWrites).toEqual([["task", "a", "w"]]);
    expect(await toArray(saver.list({}, { filter: { source: "loop" } }))).toHaveLength(1);
    expect(await toArray(saver.list({}, { filter: { source: "input" } }))).toHaveLength(0);
  });
});

describe("metadata", () => {
  const metadata = {
    ...meta,
    odd: "\ud800",
    deep: nested(300),
    bytes: new Uint8Array([1, 2]),
    nothing: undefined,
    wrapped: { __agentstore_encoded__: 1 },
    object: { b: 1, a: 2 },
    "a.b": "flat",
  };

  it("comes back as it was", async () => {
    const saver = bridge.saver();
    const config = await put(saver, { thread_id: "t" }, checkpoint({}), metadata);
    expect((await saver.getTuple(config)).metadata).toStrictEqual(metadata);
  });

  it("is filtered by key and whole value", async () => {
    const saver = bridge.saver();
    await put(saver, { thread_id: "t" }, checkpoint({}), metadata);
    const count = async (filter) => (await toArray(saver.list({}, { filter }))).length;
    for (const key of ["odd", "deep", "bytes", "wrapped", "object", "a.b", "step"]) {
      expect(await count({ [key]: metadata[key] }), key).toBe(1);
    }
    expect(await count({ object: { a: 2, b: 1 } })).toBe(1);
    expect(await count({ object: { a: 2 } })).toBe(0);
    expect(await count({ step: "0" })).toBe(0);
    expect(await count({ a: "flat" })).toBe(0);
    expect(await count({ step: undefined })).toBe(1);
  });
});

describe("list", () => {
  it("goes by id across threads and namespaces, and cuts last", async () => {
    const saver = bridge.saver();
    for (const [thread_id, checkpoint_ns, id] of [
      ["b", "", "3"],
      ["a", "", "1"],
      ["a", "child", "3"],
      ["a", "", "2"],
    ]) {
      await put(saver, { thread_id, checkpoint_ns }, checkpoint({}, id));
    }
    const names = async (config, options) =>
      (await toArray(saver.list(config, options))).map(({ config: { configurable: c } }) =>
        [c.thread_id, c.checkpoint_ns, c.checkpoint_id].join("/"),
      );
    expect(await names({})).toEqual(["a/child/3", "b//3", "a//2", "a//1"]);
    expect(await names({}, { limit: 2 })).toEqual(["a/child/3", "b//3"]);
    expect(await names({}, { limit: 0 })).toEqual([]);
    expect(await names({}, { before: { configurable: { checkpoint_id: "3" } } })).toEqual([
      "a//2",
      "a//1",
    ]);
    expect(await names({ configurable: { thread_id: "a", checkpoint_id: "2" } })).toEqual(["a//2"]);
  });
});

describe("threads", () => {
  it("are copied, pruned and deleted", async () => {
    const saver = bridge.saver();
    const first = await put(saver, { thread_id: "t" }, checkpoint({ a: 1 }));
    await put(saver, first.configurable, checkpoint({ a: 2 }));
    expect(await saver.copyThread("t", "u")).toBe(true);
    expect(await saver.copyThread("none", "v")).toBe(false);
    await expect(saver.copyThread("t", "u")).rejects.toMatchObject({
      status: 409,
      code: "already_exists",
      operation: "copy_thread",
      key: "t",
    });
    await saver.prune(["t"]);
    expect(await toArray(saver.list({ configurable: { thread_id: "t" } }))).toHaveLength(1);
    expect(await toArray(saver.list({ configurable: { thread_id: "u" } }))).toHaveLength(2);
    await saver.prune(["u"], { strategy: "delete" });
    await saver.deleteThread("t");
    expect(await toArray(saver.list({}))).toEqual([]);
  });
});

describe("options", () => {
  it("are checked when the saver is made", () => {
    for (const timeout of [0, -1, 0.5, NaN, Infinity, 2 ** 31, "1000", null]) {
      expect(() => bridge.saver({ timeout }), `${timeout}`).toThrow(/timeout is not a whole number/);
    }
    for (const maxCalls of [0, -1, 0.5, NaN, Infinity, "1", null]) {
      expect(() => bridge.saver({ maxCalls }), `${maxCalls}`).toThrow(/maxCalls is not a whole/);
    }
  });

  it("have bounds that work", async () => {
    const saver = bridge.saver({ timeout: 2 ** 31 - 1, maxCalls: 1 });
    expect(await saver.getTuple({ configurable: { thread_id: "t" } })).toBeUndefined();
  });
});

/** A connection on which an answer of 24 MB has begun to come, and is not read. */
async function beginReading(from) {
  const big = "x".repeat(8 << 20);
  for (const i of [1, 2, 3]) {
    await put(from.saver(), { thread_id: "t" }, checkpoint({ big, i }));
  }
  const { hostname, port } = new URL(from.url);
  const socket = connect({ host: hostname, port });
  const body = JSON.stringify({ thread_id: "t" });
  socket.write(
    `POST /v1/list HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  await once(socket, "readable");
  return socket;
}

describe("the bridge", () => {
  it("says what is wrong with a request", async () => {
    const saver = bridge.saver();
    const error = await put(saver, { thread_id: "t".repeat(2000) }, checkpoint({})).catch((e) => e);
    expect(error).toBeInstanceOf(AgentStoreError);
    expect(error).toMatchObject({
      status: 400,
      code: "invalid_argument",
      operation: "put",
      key: "t".repeat(2000),
    });
    expect(error.message).toContain("thread_id");
  });

  it("wants its token", async () => {
    const guarded = await Bridge.start(store.uri, { env: { AGENTSTORE_BRIDGE_TOKEN: "s3cret" } });
    try {
      const config = { configurable: { thread_id: "t" } };
      await expect(guarded.saver().getTuple(config)).rejects.toMatchObject({ status: 401 });
      await expect(guarded.saver({ token: "s3cre" }).getTuple(config)).rejects.toMatchObject({
        status: 401,
      });
      expect(await guarded.saver({ token: "s3cret" }).getTuple(config)).toBeUndefined();
    } finally {
      await guarded.stop();
    }
  });

  it("sends an answer to its end when it is told to stop", async () => {
    const socket = await beginReading(bridge);
    const ended = bridge.stop();
    let size = 0;
    for await (const piece of socket) {
      size += piece.length;
    }
    expect(size).toBeGreaterThan(24 << 20);
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it("is kept from its end for its grace only", async () => {
    const hurried = await Bridge.start(store.uri, { args: ["--grace", "1"] });
    try {
      const socket = await beginReading(hurried);
      socket.on("error", () => {}); // it is cut off
      const begin = Date.now();
      expect(await hurried.stop()).toEqual({ code: 1, signal: null });
      expect(Date.now() - begin).toBeGreaterThan(900);
      expect(Date.now() - begin).toBeLessThan(15_000); // the time for an answer is 30 s
      socket.destroy();
    } finally {
      await hurried.stop("SIGKILL");
    }
  });

  it("answers what is running when it is told to stop, and then ends", async () => {
    const saver = bridge.saver();
    await put(saver, { thread_id: "t" }, checkpoint({}));
    const big = "x".repeat(4 << 20);
    const running = Array.from({ length: 8 }, (_, i) =>
      put(saver, { thread_id: "t" }, checkpoint({ big, i })).then(
        () => true,
        () => false,
      ),
    );
    await Promise.race(running);
    const ended = await bridge.stop();
    expect(ended).toEqual({ code: 0, signal: null });
    const answers = await Promise.all(running);
    expect(answers).toContain(true);
    await expect(saver.getTuple({ configurable: { thread_id: "t" } })).rejects.toThrow();

    if (!store.uri.startsWith("memory:")) {
      // What was acknowledged is there.
      bridge = await Bridge.start(store.uri);
      const tuples = await toArray(bridge.saver().list({}));
      const stored = new Set(tuples.map(({ checkpoint: { channel_values: v } }) => v.i));
      answers.forEach((acknowledged, i) => acknowledged && expect(stored).toContain(i));
    }
  });
});
