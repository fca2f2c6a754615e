// SPDX-License-Identifier: Apache-2.0

// The JavaScript side of the benchmark: `node savers.js memory` or `node savers.js sqlite FILE`
// prints the seconds that LangGraph.js' own saver takes for the steps of ../langgraph.cpp, once it
// has been through some to warm up.
import { MemorySaver, uuid6 } from "@langchain/langgraph-checkpoint";
import { rmSync } from "node:fs";

const [, , kind, file] = process.argv;
const threads = 10;
const messagesInState = 34;

/** About 4 KiB of an agent's state, that of ../state.hpp. */
function state(step) {
  const messages = [];
  for (let i = 0; i < messagesInState; i += 1) {
    messages.push({
      role: i % 2 === 0 ? "user" : "assistant",
      content: `${String.fromCharCode(97 + (i % 26)).repeat(61)}\n"quoted"`,
      tokens: 17 * i,
    });
  }
  return { step, messages };
}

async function run(saver, thread, steps) {
  let config = { configurable: { thread_id: thread, checkpoint_ns: "" } };
  for (let step = 1; step <= steps; step += 1) {
    const versions = { state: step };
    const checkpoint = {
      v: 4,
      id: uuid6(step),
      ts: "2026-03-01T12:00:00.000Z",
      channel_values: { state: state(step) },
      channel_versions: versions,
      versions_seen: { agent: { state: step - 1 } },
    };
    config = await saver.put(config, checkpoint, { source: "loop", step, parents: {} }, versions);
    await saver.putWrites(
      config,
      [
        ["state", { role: "assistant", content: "a".repeat(180) }],
        ["branch:to:agent", null],
      ],
      `task-${step}`,
    );
    const tuple = await saver.getTuple({ configurable: { thread_id: thread, checkpoint_ns: "" } });
    if (
      tuple.checkpoint.channel_values.state.step !== step ||
      tuple.checkpoint.channel_values.state.messages.length !== messagesInState ||
      tuple.pendingWrites.length !== 2
    ) {
      throw new Error("what was read is not what was stored");
    }
  }
}

async function makeSaver(name) {
  if (kind === "memory") {
    return new MemorySaver();
  }
  const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(name + suffix, { force: true });
  }
  const saver = SqliteSaver.fromConnString(name);
  saver.setup();
  saver.db.pragma("synchronous = FULL");
  if (
    saver.db.pragma("journal_mode", { simple: true }) !== "wal" ||
    saver.db.pragma("synchronous", { simple: true }) !== 2
  ) {
    throw new Error("the settings are not those of the other side");
  }
  return saver;
}

async function runAll(saver, steps) {
  await Promise.all(Array.from({ length: threads }, (_, i) => run(saver, `thread-${i}`, steps)));
}

await runAll(await makeSaver(`${file}.warm`), 50);
const saver = await makeSaver(file);
const begin = process.hrtime.bigint();
await runAll(saver, 300);
console.log(Number(process.hrtime.bigint() - begin) / 1e9);
