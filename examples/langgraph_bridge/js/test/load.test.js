// SPDX-License-Identifier: Apache-2.0

// Many calls and many graphs at once: all of them end right, on few connections.
import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Bridge, freshStore } from "./bridge.js";

vi.setConfig({ testTimeout: 300_000 });

let store;
let bridge;

beforeEach(async () => {
  store = await freshStore();
  bridge = await Bridge.start(store.uri);
});

afterEach(async () => {
  expect(await bridge.stop()).toEqual({ code: 0, signal: null });
  await store.drop();
});

/** A fetch that notes how many calls were under way at once. */
function counting() {
  let running = 0;
  const counted = {
    most: 0,
    fetch: async (...call) => {
      running += 1;
      counted.most = Math.max(counted.most, running);
      try {
        return await fetch(...call);
      } finally {
        running -= 1;
      }
    },
  };
  return counted;
}

/** How long a call may take: on a busy machine it is the client that needs most of the time. */
const patient = { timeout: 240_000 };

const config = (i) => ({ configurable: { thread_id: `thread-${i}`, checkpoint_ns: "" } });

it("5,000 getTuple at once", async () => {
  const counted = counting();
  const saver = bridge.saver({ ...patient, fetch: counted.fetch });
  const versions = { value: 1 };
  for (let i = 0; i < 50; i += 1) {
    const checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(0),
      channel_values: { value: i },
      channel_versions: versions,
    };
    await saver.put(config(i), checkpoint, { source: "loop", step: 0, parents: {} }, versions);
  }
  const tuples = await Promise.all(
    Array.from({ length: 5000 }, (_, i) => saver.getTuple(config(i % 50))),
  );
  tuples.forEach((tuple, i) => expect(tuple.checkpoint.channel_values.value).toBe(i % 50));
  expect(counted.most).toBe(32);
});

it("several savers with more calls than the bridge has connections", async () => {
  const savers = Array.from({ length: 20 }, () => bridge.saver({ ...patient, maxCalls: 50 }));
  const tuples = await Promise.all(
    Array.from({ length: 4000 }, (_, i) => savers[i % savers.length].getTuple(config(0))),
  );
  expect(tuples.every((tuple) => tuple === undefined)).toBe(true);
});

/** How many bytes of memory the bridge has, as Linux tells. */
async function resident() {
  const status = await readFile(`/proc/${bridge.process.pid}/status`, "utf8");
  return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)[1]) * 1024;
}

// Too large for any store, and so none sees them: once is enough.
const isFirst = process.env.AGENTSTORE_STORE.startsWith("memory");
it.runIf(isFirst && process.platform === "linux")("six bodies of 60 MB at once", async () => {
  const put = (value) =>
    fetch(`${bridge.url}/v1/put`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"config": {"thread_id": "t"}, "checkpoint": {"id": "c", "channel_values": {"v": ${value}},
        "channel_versions": {"v": 1}}, "metadata": {}, "new_versions": {"v": 1}}`,
    });
  const size = 60_000_000;
  const values = [`"${"x".repeat(size)}"`, `[${"1,".repeat(size / 2)}1]`];
  const before = await resident();
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => put(values[i % 2])));
  for (const answer of answers) {
    expect(answer.status).toBe(413);
    expect((await answer.json()).error).toMatchObject({ code: "too_large", key: "t" });
  }
  expect((await resident()) - before).toBeLessThan(size);
  // Others when it is to end: what it has begun with it answers, and it waits for no more.
  const late = Array.from({ length: 6 }, (_, i) => put(values[i % 2]).catch(() => undefined));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await bridge.stop()).toEqual({ code: 0, signal: null });
  await Promise.all(late);
});

const State = Annotation.Root({
  log: Annotation({ reducer: (all, more) => all.concat(more), default: () => [] }),
});

it("a fan-out of 2,000 Sends", async () => {
  const graph = new StateGraph(State)
    .addNode("work", ({ number }) => ({ log: [number] }))
    .addConditionalEdges(START, () =>
      Array.from({ length: 2000 }, (_, number) => new Send("work", { number })),
    )
    .addEdge("work", END)
    .compile({ checkpointer: bridge.saver(patient) });
  const final = await graph.invoke({}, config("fan"));
  const expected = Array.from({ length: 2000 }, (_, number) => number);
  expect(final.log.toSorted((a, b) => a - b)).toEqual(expected);
  const state = await graph.getState(config("fan"));
  expect(state.next).toEqual([]);
  expect(state.values.log).toHaveLength(2000);
});

it("1,000 graphs at once", async () => {
  const graph = new StateGraph(State)
    .addNode("first", ({ log }) => ({ log: [`${log[0]} first`] }))
    .addNode("second", ({ log }) => ({ log: [`${log[0]} second`] }))
    .addEdge(START, "first")
    .addEdge("first", "second")
    .addEdge("second", END)
    .compile({ checkpointer: bridge.saver(patient) });
  const finals = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => graph.invoke({ log: [i] }, config(i))),
  );
  finals.forEach((final, i) => expect(final.log).toEqual([i, `${i} first`, `${i} second`]));
  const states = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => graph.getState(config(i))),
  );
  states.forEach((state, i) => {
    expect(state.next).toEqual([]);
    expect(state.values.log).toEqual([i, `${i} first`, `${i} second`]);
  });
});
