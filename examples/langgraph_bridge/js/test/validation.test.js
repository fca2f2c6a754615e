// SPDX-License-Identifier: Apache-2.0

// LangGraph's own suite, with the part of it that specTest leaves out.
import { deltaChannelHistoryTests, specTest } from "@langchain/langgraph-checkpoint-validation";
import { expect } from "vitest";

import { Bridge, freshStore } from "./bridge.js";

const running = new Map();

const initializer = {
  checkpointerName: "AgentStoreSaver",

  async createCheckpointer() {
    const store = await freshStore();
    const bridge = await Bridge.start(store.uri);
    const saver = bridge.saver();
    running.set(saver, { store, bridge });
    return saver;
  },

  async destroyCheckpointer(saver) {
    const { store, bridge } = running.get(saver);
    running.delete(saver);
    expect(await bridge.stop()).toEqual({ code: 0, signal: null });
    await store.drop();
  },
};

specTest(initializer);
deltaChannelHistoryTests(initializer);
