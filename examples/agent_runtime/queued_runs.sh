#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: queued_runs.sh AGENT_RUNTIME INPUT.jsonl
#
# The runtime over recorded runs while its archive is away: all that is to be archived waits in a
# file. It is killed then. The next one, whose archive is there, finds nothing to do but that.
set -u

if [ $# -ne 2 ] || [ ! -x "$1" ] || [ ! -r "$2" ]; then
  echo "usage: queued_runs.sh AGENT_RUNTIME INPUT.jsonl" >&2
  exit 2
fi
work=$(mktemp -d)
killed=
trap '[ -z "$killed" ] || kill -9 "$killed" 2>/dev/null; rm -rf "$work"' EXIT
run=("$1" --input "$2" --store "sqlite:$work/store.db" --archive-queue "sqlite:$work/queue.db")

fail() {
  echo "FAILED: $*" >&2
  cat "$work/out" >&2
  exit 1
}

"${run[@]}" --archive "sqlite:$work/not_there/archive.db" >"$work/out" 2>&1 &
killed=$!
for ((i = 0; i < 600; ++i)); do
  grep -q '^operations per second' "$work/out" && break
  kill -0 "$killed" 2>/dev/null || fail "it did not wait for its archive"
  sleep 0.1
done
grep -q '^operations per second' "$work/out" || fail "the runs did not end"
kill -9 "$killed"
wait "$killed" 2>/dev/null
killed=

"${run[@]}" --archive "sqlite:$work/archive.db" --verify >"$work/out" 2>&1 ||
  fail "the runs, or their archive"
grep -q '^checkpoints .*(0 now)$' "$work/out" || fail "there was something left to do"
grep -q '^verified archive ' "$work/out" || fail "the archive was not verified"
line=$(sed -nE 's/^archive +//p' "$work/out")
[[ $line == "0 queued, "*", 0 dropped" && $line != *", 0 archived,"* ]] ||
  fail "the summary of the archive is: $line"
echo "killed with all of it queued; the next one: $line, verified as the input"
