// SPDX-License-Identifier: Apache-2.0

// A graph of LangGraph's with parallel nodes, a tool, a subgraph and an interrupt in it. The bridge
// is killed at each of the calls that the graph makes on it, started again, and the graph goes on:
// it must end with the state of one that was never disturbed. The store must survive that.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterAll, expect, it } from "vitest";
import { z } from "zod";

import { Bridge, freshStore } from "./bridge.js";

/** How often each node has run. */
class Runs {
  counts = {};
  count(name) {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  log: Annotation({ reducer: (a, b) => a.concat(b), default: () => [] }),
  draft: Annotation(),
  approval: Annotation(),
  bytes: Annotation(),
});

function makeGraph(checkpointer, runs) {
  const weather = tool(
    async ({ city }) => {
      runs.count("weather");
      return `five degrees in ${city}`;
    },
    { name: "weather", description: "The weather.", schema: z.object({ city: z.string() }) },
  );
  const step = (name, update) => async (state) => {
    runs.count(name);
    return { log: [name], ...update?.(state) };
  };

  const review = new StateGraph(State)
    .addNode("prepare", step("prepare", () => ({ draft: "draft" })))
    .addNode("ask", async (state) => {
      runs.count("ask");
      const answer = interrupt({ question: `send ${state.draft}?` });
      return { log: ["ask"], approval: answer };
    })
    .addNode("record", step("record", ({ approval }) => ({ draft: `${approval.text}!` })))
    .addEdge(START, "prepare")
    .addEdge("prepare", "ask")
    .addEdge("ask", "record")
    .addEdge("record", END)
    .compile();

  return new StateGraph(State)
    .addNode(
      "plan",
      step("plan", () => ({
        messages: [
          new AIMessage({
            id: "ai-1",
            content: "",
            tool_calls: [{ id: "call-1", name: "weather", args: { city: "Oslo" } }],
          }),
        ],
      })),
    )
    .addNode("tools", new ToolNode([weather]))
    .addNode("note", step("note", () => ({ bytes: new Uint8Array([1, 0, 255]) })))
    .addNode("review", review)
    .addNode(
      "finish",
      step("finish", ({ messages, draft }) => ({
        messages: [new AIMessage({ id: "ai-2", content: `${messages.at(-1).content}, ${draft}` })],
      })),
    )
    .addEdge(START, "plan")
    .addEdge("plan", "tools")
    .addEdge("plan", "note")
    .addEdge(["tools", "note"], "review")
    .addEdge("review", "finish")
    .addEdge("finish", END)
    .compile({ checkpointer });
}

const config = { configurable: { thread_id: "thread-1" } };

/** Brings the graph to its end from wherever its state says that it stands. */
async function drive(graph) {
  for (let i = 0; i < 10; i += 1) {
    const state = await graph.getState(config);
    if (state.createdAt === undefined) {
      await graph.invoke({ messages: [new HumanMessage({ id: "h-1", content: "Oslo?" })] }, config);
    } else if (state.tasks.some(({ interrupts }) => interrupts.length > 0)) {
      await graph.invoke(new Command({ resume: { text: "yes", at: new Date(0) } }), config);
    } else if (state.tasks.length > 0) {
      await graph.invoke(null, config); // `next` leaves out tasks that are done in a step that is not
    } else {
      return state;
    }
  }
  throw new Error("the graph does not come to its end");
}

/** A state without what is new in each run: the ids of messages that have none given. */
function essence({ values, next }) {
  const messages = values.messages.map((message) => ({
    type: message.getType(),
    content: message.content,
    call: message.tool_call_id,
    calls: message.tool_calls,
  }));
  return { ...values, log: [...values.log], messages, next };
}

const stores = [];
const bridges = [];

async function start(uri) {
  const bridge = await Bridge.start(uri);
  bridges.push(bridge);
  return bridge;
}

afterAll(async () => {
  await Promise.all(bridges.map((bridge) => bridge.stop("SIGKILL")));
  await Promise.all(stores.map((store) => store.drop()));
});

async function newStore() {
  const store = await freshStore();
  stores.push(store);
  return store;
}

/** Runs a graph, and at call number `at` kills the bridge: before the call, or while it is made. */
async function runKilled(at, when) {
  const { uri } = await newStore();
  let bridge = await start(uri);
  let calls = 0;
  let killed = false;
  const killing = async (url, request) => {
    calls += 1;
    if (calls === at) {
      killed = true;
      if (when === "before") {
        await bridge.stop("SIGKILL");
      } else {
        const answer = fetch(url, request); // and its answer, if there is one, is lost
        answer.catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 2));
        await bridge.stop("SIGKILL");
        throw new Error("the bridge was killed");
      }
    }
    return fetch(url, request);
  };
  const runs = new Runs();
  let final;
  try {
    final = await drive(makeGraph(bridge.saver({ fetch: killing }), runs));
  } catch (error) {
    if (!killed) {
      throw error;
    }
  }
  if (killed) {
    bridge = await start(uri);
    final = await drive(makeGraph(bridge.saver(), runs));
  }
  await bridge.stop();
  return { final, runs: runs.counts, calls, killed };
}

const undisturbed = await runKilled(0, "never");

it("runs to its end", () => {
  expect(undisturbed.killed).toBe(false);
  expect(undisturbed.calls).toBeGreaterThan(20);
  expect(essence(undisturbed.final)).toMatchObject({
    next: [],
    bytes: new Uint8Array([1, 0, 255]),
    draft: "yes!",
    approval: { text: "yes" },
  });
  expect(undisturbed.final.values.log.toSorted()).toEqual(
    ["ask", "finish", "note", "plan", "prepare", "record", ...repeated()].toSorted(),
  );
  expect(undisturbed.final.values.messages.at(-1).content).toBe("five degrees in Oslo, yes!");
});

/** The subgraph begins with the log so far and gives it back with its own: it stands there twice. */
function repeated() {
  return ["plan", "note"];
}

for (const when of ["before", "while"]) {
  it(`ends in the same state, whichever call the bridge is killed ${when}`, async () => {
    let kills = 0;
    for (let at = 1; ; at += 1) {
      const { final, runs, killed } = await runKilled(at, when);
      if (!killed) {
        break;
      }
      kills += 1;
      expect(essence(final), `killed ${when} call ${at}`).toEqual(essence(undisturbed.final));
      for (const [name, count] of Object.entries(runs)) {
        // A step that was under way is taken again, once; the question is asked again besides.
        expect(count - undisturbed.runs[name], `${name}, killed ${when} call ${at}`).toBeLessThanOrEqual(1);
      }
    }
    console.log(`the bridge was killed ${when} each of ${kills} calls`);
    expect(kills).toBeGreaterThan(20);
  });
}
