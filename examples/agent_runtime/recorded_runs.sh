#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: recorded_runs.sh AGENT_RUNTIME INPUT.jsonl STORE KILLS
#
# The runtime over recorded runs: in memory; in a store that survives it, read back by a second
# process; and there with a kill -9 at so many random moments, after each of which a second process
# must complete the runs so that nothing is missing and nothing is there twice. In the URI STORE
# {dir} becomes a directory that is removed in the end, and {fresh} a name that was not used before.
set -u

if [ $# -ne 4 ] || [ ! -x "$1" ] || [ ! -r "$2" ]; then
  echo "usage: recorded_runs.sh AGENT_RUNTIME INPUT.jsonl STORE KILLS" >&2
  exit 2
fi
program=$1
input=$2
template=$3
kills=$4
kind=${template%%:*}
# So many of the kills must have come upon a run that was under way; the others may have come before
# the first message was stored or, as moments are random, after the last one.
least_interrupted=$((kills / 4))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*" >&2
  [ ! -s "$work/out" ] || cat "$work/out" >&2
  exit 1
}

# runtime STORE OPTIONS...: its output is in $work/out.
runtime() {
  "$program" --store "$1" --input "$input" "${@:2}" >"$work/out" 2>&1 </dev/null
}

# summary NAME: the first number that the summary shows for it.
summary() {
  sed -nE "s/^$1 +([0-9]+).*/\1/p" "$work/out"
}

# fresh_store: names one that nobody has used before in $store; those before it may go.
stores=0
fresh_store() {
  rm -rf "$work/stores"
  mkdir "$work/stores"
  stores=$((stores + 1))
  store=${template//"{dir}"/"$work/stores"}
  store=${store//"{fresh}"/"store$stores"}
}

# settle: after a kill the server may still be at what the process had sent, which the next one must
# see.
settle() {
  case $kind in
  postgresql | redis | rediss | unix) sleep 0.4 ;;
  esac
}

now_us() {
  local now=${EPOCHREALTIME/[.,]/}
  echo "$now"
}

runs=$(grep -c '[^[:space:]]' "$input")
# Quotes inside of a JSON text are escaped, so these are members: those of the messages.
messages=$(grep -oE '"role" *:' "$input" | wc -l)
complete="$runs runs, $messages messages, $messages checkpoints"

# expect_complete PHASE: what the runtime has just verified is the whole input.
expect_complete() {
  grep -q "^verified .* $complete," "$work/out" || fail "$1: not verified as $complete"
}

runtime memory: --verify || fail "memory"
expect_complete "memory"
[ "$(summary runs)" = "$runs" ] || fail "memory: the summary does not show $runs runs"
[ "$(summary messages)" = "$messages" ] || fail "memory: the summary does not show the messages"
echo "memory: $(sed -nE 's/^verified +//p' "$work/out") in one process," \
  "$(summary 'operations per second') operations a second"

fresh_store
began=$(now_us)
runtime "$store" || fail "$kind"
duration=$(($(now_us) - began))
rate=$(summary 'operations per second')
runtime "$store" --verify || fail "$kind, read back"
expect_complete "$kind, read back"
grep -q '^messages .*(0 now)' "$work/out" || fail "$kind: the second process stored messages"
echo "$kind: $complete, read back by a second process," \
  "$rate operations a second, $((duration / 1000)) ms"

# The moments are spread over the time that an undisturbed process takes.
interrupted=0
resumed=0
too_late=0
kill_number=0
while [ "$kill_number" -lt "$kills" ]; do
  slot=$((duration / kills))
  wait_us=$((slot * kill_number + (RANDOM * 32768 + RANDOM) % (slot + 1)))
  fresh_store
  "$program" --store "$store" --input "$input" --quiet >/dev/null 2>&1 </dev/null &
  victim=$!
  sleep "$(printf '%d.%06d' $((wait_us / 1000000)) $((wait_us % 1000000)))"
  kill -KILL "$victim" 2>/dev/null
  { wait "$victim"; } 2>/dev/null
  status=$?
  if [ "$status" -ne 137 ]; then
    [ "$status" -eq 0 ] || fail "kill $kill_number: the process ended with $status by itself"
    too_late=$((too_late + 1))
    [ "$too_late" -le 100 ] || fail "the process ends before it can be killed"
    duration=$((duration * 19 / 20)) # it is faster than it was: another try, a little earlier
    continue
  fi
  kill_number=$((kill_number + 1))
  settle
  runtime "$store" --verify ||
    fail "kill $kill_number after $wait_us us: not resumed"
  expect_complete "kill $kill_number after $wait_us us"
  if [ "$(summary resumed)" -gt 0 ]; then
    interrupted=$((interrupted + 1))
    resumed=$((resumed + $(summary resumed)))
  fi
done
[ "$interrupted" -ge "$least_interrupted" ] ||
  fail "only $interrupted of $kills kills came upon a run that was under way"
echo "kill -9: $kills times, $interrupted of them upon runs under way, $resumed runs resumed," \
  "each time verified as $complete"

# One store whose every process is killed, until there is nothing left to do.
deaths=0
fresh_store
while true; do
  "$program" --store "$store" --input "$input" --quiet >/dev/null 2>&1 </dev/null &
  victim=$!
  wait_us=$((duration / 5 + (RANDOM * 32768 + RANDOM) % (duration / 5 + 1) + deaths * duration / 20))
  sleep "$(printf '%d.%06d' $((wait_us / 1000000)) $((wait_us % 1000000)))"
  kill -KILL "$victim" 2>/dev/null
  { wait "$victim"; } 2>/dev/null
  status=$?
  [ "$status" -eq 137 ] || break
  settle
  deaths=$((deaths + 1))
  [ "$deaths" -le 200 ] || fail "killed again and again: the runs do not come to an end"
done
[ "$status" -eq 0 ] || fail "killed again and again: the last process ended with $status"
runtime "$store" --verify || fail "killed again and again: not verified"
expect_complete "killed again and again"
echo "kill -9 again and again: $deaths times on one store, then verified as $complete"
