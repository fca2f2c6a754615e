#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: archived_runs.sh AGENT_RUNTIME INPUT.jsonl STORE ARCHIVE
#
# The runtime over recorded runs, with an archive beside its store, which must then hold each record
# once and in order. In the URIs {dir} becomes a directory that is removed in the end.
set -u

if [ $# -ne 4 ] || [ ! -x "$1" ] || [ ! -r "$2" ]; then
  echo "usage: archived_runs.sh AGENT_RUNTIME INPUT.jsonl STORE ARCHIVE" >&2
  exit 2
fi
program=$1
input=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
store=${3//"{dir}"/"$work"}
archive=${4//"{dir}"/"$work"}

fail() {
  echo "FAILED: $*" >&2
  cat "$work/out" >&2
  exit 1
}

"$program" --store "$store" --archive "$archive" --input "$input" --verify >"$work/out" 2>&1 ||
  fail "the runs, or their archive"
grep -q '^verified archive ' "$work/out" || fail "the archive was not verified"
line=$(sed -nE 's/^archive +//p' "$work/out")
[[ $line == "0 queued, "*", 0 dropped" ]] || fail "the summary of the archive is: $line"
# Without its archive's records the same store is no longer one whose archive is whole.
if [[ $archive == sqlite:* && $store != memory: ]]; then
  "$program" --store "$store" --archive "sqlite:$work/empty.db" --input "$input" --verify \
    >"$work/out" 2>&1 && fail "an archive that holds nothing was verified"
  grep -q 'number of messages' "$work/out" || fail "what the empty archive lacks is not named"
fi
echo "${4%%:*}: $line, verified as the input"
