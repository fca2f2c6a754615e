// SPDX-License-Identifier: Apache-2.0
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type PendingWrite,
  type SerializerProtocol,
} from "@langchain/langgraph-checkpoint";

export interface AgentStoreSaverOptions {
  /** Where the bridge listens, e.g. "http://127.0.0.1:8730". */
  url: string;
  /** The bridge's token, if it has one. */
  token?: string;
  /**
   * After how many milliseconds a call fails, once it has been sent; a whole number from 1 to
   * 2^31 - 1, 60,000 unless given.
   */
  timeout?: number;
  /** How many calls are under way at once, each on a connection; 32 unless given. Others wait. */
  maxCalls?: number;
  /** Instead of the global `fetch`, e.g. one that retries: every call may be repeated. */
  fetch?: typeof globalThis.fetch;
}

/**
 * What the bridge answered with instead of a result. A call that had no answer fails with what
 * `fetch` throws.
 */
export declare class AgentStoreError extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** agentstore's reason, e.g. "invalid_argument", "unavailable". */
  readonly code: string;
  /** The bridge's operation, e.g. "put_writes". */
  readonly operation: string;
  /** The thread that the call was about; empty if there was none. */
  readonly key: string;
}

/**
 * A checkpoint saver that keeps its state in agentstore, through the bridge. One object may serve
 * any number of graphs and threads at once.
 *
 * Values are kept as the serde gives them, to the byte. Metadata is kept as JSON, so that `list`
 * can filter by it: the order of the members of its objects is not kept. A filter's value must be
 * equal as a whole; `undefined` in a filter filters nothing.
 */
export declare class AgentStoreSaver extends BaseCheckpointSaver {
  constructor(options: AgentStoreSaverOptions, serde?: SerializerProtocol);
  getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined>;
  /** Greatest ids first, across threads and namespaces. The whole list is fetched at once. */
  list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple>;
  put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig>;
  putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath?: string,
  ): Promise<void>;
  deleteThread(threadId: string): Promise<void>;
  /** Copies a thread to an id that has none. False: there is no `source`. */
  copyThread(source: string, target: string): Promise<boolean>;
  /** Leaves the latest checkpoint of each namespace, or nothing. */
  prune(
    threadIds: string[],
    options?: { strategy?: "keep_latest" | "delete" },
  ): Promise<void>;
}
