// SPDX-License-Identifier: Apache-2.0

// Runs LangGraph's suite and counts: the number of its cases is known, so that none can go missing.
import { startVitest } from "vitest/node";

const expected = { passed: 726, skipped: 0, failed: 0 };

const vitest = await startVitest("test", ["test/validation.test.js"], {
  globals: true, // the suite takes describe, it and expect from there
  watch: false,
  reporters: [["default", { summary: false }]],
  testTimeout: 30_000,
  hookTimeout: 60_000,
});
const counted = { passed: 0, skipped: 0, failed: 0 };
for (const module of vitest.state.getTestModules()) {
  for (const test of module.children.allTests()) {
    counted[test.result().state] += 1;
  }
}
await vitest.close();

const text = ({ passed, skipped, failed }) =>
  `${passed} passed, ${skipped} skipped, ${failed} failed`;
console.log(`LangGraph's suite on ${process.env.AGENTSTORE_STORE}: ${text(counted)}`);
if (text(counted) !== text(expected)) {
  console.error(`expected: ${text(expected)}`);
  process.exit(1);
}
process.exit(process.exitCode ?? 0);
