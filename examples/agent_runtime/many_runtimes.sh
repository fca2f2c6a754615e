#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: many_runtimes.sh AGENT_RUNTIME INPUT.jsonl STORE RUNTIMES KILLS
#
# So many runtimes at once on one store, each with its part of the runs. Each is killed with kill -9
# at so many random moments and started again, while the others go on; then one process verifies the
# whole. In the URI STORE {dir} becomes a directory that is removed in the end, and {fresh} a name.
set -u

if [ $# -ne 5 ] || [ ! -x "$1" ] || [ ! -r "$2" ]; then
  echo "usage: many_runtimes.sh AGENT_RUNTIME INPUT.jsonl STORE RUNTIMES KILLS" >&2
  exit 2
fi
program=$1
input=$2
count=$4
kills=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# use_store NAME: in $store.
use_store() {
  mkdir "$work/$1"
  store=${template//"{dir}"/"$work/$1"}
  store=${store//"{fresh}"/"$1"}
}
template=$3

fail() {
  echo "FAILED: $*" >&2
  cat "$work"/out* >&2
  exit 1
}

now_us() {
  local now=${EPOCHREALTIME/[.,]/}
  echo "$now"
}

# runtime PART: works a part off, to the end.
runtime() {
  "$program" --store "$store" --input "$work/part$1" --quiet >"$work/out$1" 2>&1 </dev/null
}

# mortal_runtime PART: the same, through so many deaths. $work/deaths has a line for each of them.
mortal_runtime() {
  local death
  for ((death = 0; death < kills; ++death)); do
    "$program" --store "$store" --input "$work/part$1" --quiet >/dev/null 2>&1 </dev/null &
    local victim=$! wait_us=$(((RANDOM * 32768 + RANDOM) % (duration / kills + 1)))
    sleep "$(printf '%d.%06d' $((wait_us / 1000000)) $((wait_us % 1000000)))"
    kill -KILL "$victim" 2>/dev/null
    { wait "$victim"; } 2>/dev/null
    case $? in
      137)
        echo "$1" >>"$work/deaths"
        case $store in
        # The server may still be at what the killed process had sent, which the next one must see.
        postgresql:* | redis:* | rediss:* | unix:*) sleep 0.4 ;;
        esac
        ;;
      0) break ;; # it was done
      *) return 1 ;;
    esac
  done
  runtime "$1"
}

# all COMMAND: runs it for all parts at once; false if one of them is.
all() {
  local part children=() result=0
  for ((part = 0; part < count; ++part)); do
    "$1" "$part" &
    children+=($!)
  done
  for child in "${children[@]}"; do
    wait "$child" || result=1
  done
  return "$result"
}

# verified: has one process compare the whole with the input.
verified() {
  "$program" --store "$store" --input "$input" --verify >"$work/out" 2>&1 </dev/null &&
    grep -q "^verified .* $runs runs, $messages messages, $messages checkpoints," "$work/out" &&
    grep -q '^messages .*(0 now)' "$work/out"
}

runs=$(grep -c '[^[:space:]]' "$input")
messages=$(grep -oE '"role" *:' "$input" | wc -l)
awk -v count="$count" -v base="$work/part" '{ print >(base (NR - 1) % count) }' "$input"

use_store undisturbed
began=$(now_us)
all runtime || fail "undisturbed: a runtime failed"
undisturbed=$(($(now_us) - began))
duration=$undisturbed
verified || fail "undisturbed: not verified"

# They may be faster than they were undisturbed, and done before they can be killed: then the same
# once more, with earlier kills.
deaths=0
for ((try = 0; try < 8 && deaths < count; ++try)); do
  use_store "killed$try"
  : >"$work/deaths"
  all mortal_runtime || fail "killed: a runtime failed"
  verified || fail "killed: not verified"
  deaths=$(wc -l <"$work/deaths")
  duration=$((duration / 2))
done
[ "$deaths" -ge "$count" ] || fail "only $deaths kills came upon a runtime at work"
echo "$count runtimes on one store: $deaths times kill -9, then verified as $runs runs," \
  "$messages messages; undisturbed in $((undisturbed / 1000)) ms"
