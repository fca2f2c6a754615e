// SPDX-License-Identifier: Apache-2.0

// A bridge for a test, on a store that nobody has used before.
//   AGENTSTORE_BRIDGE   the program
//   AGENTSTORE_STORE    the store's URI, in which {dir} is a new directory and {fresh} a new name
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { AgentStoreSaver } from "../index.js";

const program = process.env.AGENTSTORE_BRIDGE;
const template = process.env.AGENTSTORE_STORE;
if (program === undefined || template === undefined) {
  throw new Error("AGENTSTORE_BRIDGE and AGENTSTORE_STORE say what is to be tested");
}

/** A store of its own for a test; `drop` removes what it left on the disk. */
export async function freshStore() {
  const dir = await mkdtemp(join(tmpdir(), "agentstore-bridge-"));
  const uri = template
    .replaceAll("{dir}", dir)
    .replaceAll("{fresh}", `t${randomUUID().replaceAll("-", "")}`);
  return { uri, drop: () => rm(dir, { recursive: true, force: true }) };
}

export class Bridge {
  static async start(storeUri, { args = [], env = {} } = {}) {
    const bridge = new Bridge();
    bridge.process = spawn(
      program,
      // On a busy machine it is the client that keeps the bridge from its end.
      ["--store", storeUri, "--listen", "127.0.0.1:0", "--grace", "240", ...args],
      { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } },
    );
    bridge.ended = new Promise((resolve) => {
      bridge.process.once("exit", (code, signal) => resolve({ code, signal }));
    });
    const lines = createInterface({ input: bridge.process.stdout });
    const line = await new Promise((resolve, reject) => {
      lines.once("line", resolve);
      bridge.process.once("error", reject);
      bridge.process.once("exit", (code) => reject(new Error(`the bridge ended with ${code}`)));
    });
    bridge.url = line.match(/listening on (http:\/\/\S+)$/)[1];
    return bridge;
  }

  saver(options = {}, serde = undefined) {
    return new AgentStoreSaver({ url: this.url, ...options }, serde);
  }

  /** Ends it by a signal and says how it ended. */
  async stop(signal = "SIGTERM") {
    this.process.kill(signal);
    return this.ended;
  }
}
