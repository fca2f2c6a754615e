#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: recorded_runs.sh AGENT_RUNTIME INPUT.jsonl SCHEME KILLS
#
# The runtime over recorded runs: in memory; on disk in a store of SCHEME, whose URI is a path, read
# back by a second process; and there with a kill -9 at so many random moments, after each of which
# a second process must complete the runs so that nothing is missing and nothing is there twice.
set -u

if [ $# -ne 4 ] || [ ! -x "$1" ] || [ ! -r "$2" ]; then
  echo "usage: recorded_runs.sh AGENT_RUNTIME INPUT.jsonl SCHEME KILLS" >&2
  exit 2
fi
program=$1
input=$2
scheme=$3
kills=$4
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

began=$(now_us)
runtime "$scheme:$work/undisturbed" || fail "$scheme"
duration=$(($(now_us) - began))
rate=$(summary 'operations per second')
runtime "$scheme:$work/undisturbed" --verify || fail "$scheme, read back"
expect_complete "$scheme, read back"
grep -q '^messages .*(0 now)' "$work/out" || fail "$scheme: the second process stored messages"
rm -rf "$work/undisturbed"*
echo "$scheme: $complete, read back by a second process," \
  "$rate operations a second, $((duration / 1000)) ms"

# The moments are spread over the time that an undisturbed process takes.
interrupted=0
resumed=0
too_late=0
kill_number=0
while [ "$kill_number" -lt "$kills" ]; do
  slot=$((duration / kills))
  wait_us=$((slot * kill_number + (RANDOM * 32768 + RANDOM) % (slot + 1)))
  rm -rf "$work/killed"*
  "$program" --store "$scheme:$work/killed" --input "$input" --quiet >/dev/null 2>&1 </dev/null &
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
  runtime "$scheme:$work/killed" --verify ||
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
rm -rf "$work/killed"*
while true; do
  "$program" --store "$scheme:$work/killed" --input "$input" --quiet >/dev/null 2>&1 </dev/null &
  victim=$!
  wait_us=$((duration / 5 + (RANDOM * 32768 + RANDOM) % (duration / 5 + 1) + deaths * duration / 20))
  sleep "$(printf '%d.%06d' $((wait_us / 1000000)) $((wait_us % 1000000)))"
  kill -KILL "$victim" 2>/dev/null
  { wait "$victim"; } 2>/dev/null
  status=$?
  [ "$status" -eq 137 ] || break
  deaths=$((deaths + 1))
  [ "$deaths" -le 200 ] || fail "killed again and again: the runs do not come to an end"
done
[ "$status" -eq 0 ] || fail "killed again and again: the last process ended with $status"
runtime "$scheme:$work/killed" --verify || fail "killed again and again: not verified"
expect_complete "killed again and again"
echo "kill -9 again and again: $deaths times on one store, then verified as $complete"
