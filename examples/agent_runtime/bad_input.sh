#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: bad_input.sh AGENT_RUNTIME
#
# Whatever is wrong with the command line or the input: exit code 2 (1 if it is the store), one line
# on standard error that names it, nothing on standard output.
set -u

if [ $# -ne 1 ]; then
  echo "usage: bad_input.sh AGENT_RUNTIME" >&2
  exit 2
fi
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0
failures=0

# expect CODE TEXT ARGUMENTS...: the program ends with CODE and one line that holds TEXT.
expect() {
  local code=$1 text=$2
  shift 2
  "$program" "$@" >"$work/out" 2>"$work/err" </dev/null
  local got=$?
  local wrong=
  [ "$got" -eq "$code" ] || wrong="exit code $got instead of $code"
  [ "$(wc -l <"$work/err")" -eq 1 ] || wrong="$wrong; $(wc -l <"$work/err") lines instead of one"
  grep -qF -- "$text" "$work/err" || wrong="$wrong; \"$text\" is not named"
  [ ! -s "$work/out" ] || wrong="$wrong; output beside the error"
  ! grep -qF s3cret "$work/err" || wrong="$wrong; a password is shown"
  checks=$((checks + 1))
  if [ -n "$wrong" ]; then
    failures=$((failures + 1))
    echo "FAILED: $* : ${wrong#; }"
    cat "$work/err"
  fi
}

# expect_line TEXT LINE: LINE as the second of a file is refused, naming file and line.
expect_line() {
  printf '%s\n' "$good" "$2" >"$work/input.jsonl"
  expect 2 "$work/input.jsonl:2: $1" --store memory: --input "$work/input.jsonl"
}

good='{"task_id": "good", "messages": [{"role": "user", "content": "Hello"}]}'
printf '%s\n' "$good" >"$work/good.jsonl"
store=(--store memory:)
input=(--input "$work/good.jsonl")

# The command line.
expect 2 'option --input is missing'
expect 2 'option --input is missing' "${store[@]}"
expect 2 'unknown option --stroe' --stroe memory: "${input[@]}"
expect 2 'unknown option -x' -x "${store[@]}" "${input[@]}"
expect 2 'unexpected argument "more"' "${store[@]}" "${input[@]}" more
expect 2 'option --store needs an argument' "${input[@]}" --store
expect 2 'option --store needs an argument' "${input[@]}" --store=
expect 2 'option --store needs an argument' --store --verify "${input[@]}"
expect 2 'option --archive needs an argument' "${store[@]}" "${input[@]}" --archive
expect 2 'option --archive-queue needs an --archive' "${store[@]}" "${input[@]}" --archive-queue sqlite:q.db
expect 2 'archive queue URI beginning with "nosuch"' "${store[@]}" "${input[@]}" --archive "sqlite:$work/a.db" \
  --archive-queue nosuch:q
expect 2 'archive URI beginning with "nosuch"' "${store[@]}" "${input[@]}" --archive nosuch://a:s3cret@b
expect 2 'option --input needs an argument' "${store[@]}" --input
expect 2 'option --concurrency needs an argument' "${store[@]}" "${input[@]}" --concurrency
expect 2 'option --verify takes no argument' "${store[@]}" "${input[@]}" --verify=yes
for number in 0 -1 4097 99999999999999999999 four 4x 1.5; do
  expect 2 "not \"$number\"" "${store[@]}" "${input[@]}" --concurrency "$number"
done

# The URI.
expect 2 '"nowhere" is none of journal:DIR, memory:' --store nowhere "${input[@]}"
expect 2 '"ftp" is none of' --store ftp://x "${input[@]}"
expect 2 '"" is none of' --store : "${input[@]}"
expect 2 '"Memory" is none of' --store Memory: "${input[@]}"
expect 2 'nothing may follow memory:' --store memory:x "${input[@]}"
expect 2 'the directory is missing' --store journal: "${input[@]}"
expect 2 '"a" is none of' --store $'a\nb' "${input[@]}"

# The file.
expect 2 "$work/none.jsonl: cannot be read: No such file" "${store[@]}" --input "$work/none.jsonl"
expect 2 "$work: is a directory" "${store[@]}" --input "$work"
: >"$work/empty.jsonl"
expect 2 "$work/empty.jsonl: holds no run" "${store[@]}" --input "$work/empty.jsonl"

# A line.
expect_line 'not JSON: wrong at byte 1' 'hello'
expect_line 'not JSON' '{"task_id": "a", "messages": [{"role": "us'
expect_line 'not JSON' '{"task_id": "a"} {}'
expect_line 'not JSON' "$(printf '{"task_id": "\xff"}')"
expect_line 'not JSON: a number is out of range' '{"task_id": "a", "reward": 1e999}'
expect_line 'not a JSON object' '[]'
expect_line 'task_id is missing' '{"messages": [{"role": "user", "content": "x"}]}'
expect_line 'task_id is neither' '{"task_id": 1.5, "messages": [{"role": "user", "content": "x"}]}'
expect_line 'task_id is empty' '{"task_id": "", "messages": [{"role": "user", "content": "x"}]}'
expect_line 'task_id is empty' '{"task_id": "a\u0000", "messages": [{"role": "user"}]}'
expect_line 'task_id "good" is that of line 1' "$good"
expect_line 'reward is not a number' '{"task_id": "a", "reward": "1", "messages": [{"role": "user"}]}'
expect_line 'messages is missing' '{"task_id": "a"}'
expect_line 'messages is not an array' '{"task_id": "a", "messages": {}}'
expect_line 'messages is empty' '{"task_id": "a", "messages": []}'
expect_line 'message 2: not a JSON object' '{"task_id": "a", "messages": [{"role": "user"}, "x"]}'
expect_line 'message 1: role is missing' '{"task_id": "a", "messages": [{"content": "x"}]}'
expect_line 'message 1: role is not a text' '{"task_id": "a", "messages": [{"role": 1}]}'
expect_line 'message 1: role is not a text' '{"task_id": "a", "messages": [{"role": ""}]}'
expect_line 'message 1: content is neither' \
  '{"task_id": "a", "messages": [{"role": "user", "content": 1}]}'
expect_line 'message 1: tool_calls is not an array' \
  '{"task_id": "a", "messages": [{"role": "assistant", "tool_calls": {}}]}'
expect_line 'message 1: a tool call is not' \
  '{"task_id": "a", "messages": [{"role": "assistant", "tool_calls": [1]}]}'
expect_line 'message 1: tool call: id is not a text' \
  '{"task_id": "a", "messages": [{"role": "assistant", "tool_calls": [{"id": 1}]}]}'
expect_line 'message 2: tool_call_id is not a text' \
  '{"task_id": "a", "messages": [{"role": "user"}, {"role": "tool", "tool_call_id": 1}]}'
expect_line 'message 1: a run cannot begin with a tool result' \
  '{"task_id": "a", "messages": [{"role": "tool", "content": "x"}]}'
deep=$(printf '[%.0s' $(seq 100000))
expect_line 'nested deeper than 60' "{\"task_id\": \"a\", \"extra\": $deep"

# The store.
: >"$work/file"
expect 1 "$work/file" --store "journal:$work/file/below" "${input[@]}"
if "$program" --help | grep -q 'sqlite:FILE'; then
  expect 2 'the file is missing' --store sqlite: "${input[@]}"
  expect 1 "$work/file" --store "sqlite:$work/file/below" "${input[@]}"
  printf 'nothing that SQLite wrote, and long enough to have a header %.0s' 1 2 >"$work/file"
  expect 1 'not a database' --store "sqlite:$work/file" "${input[@]}"
fi
expect 2 '"postgress" is none of' --store postgress://agent:s3cret@localhost/agents "${input[@]}"
expect 2 '"host" is none of' --store 'host=localhost password=s3cret' "${input[@]}"
if "$program" --help | grep -q 'postgresql://'; then
  expect 1 'initialize' --store postgresql://agent:s3cret@127.0.0.1:1/agents "${input[@]}"
  expect 1 'initialize' --store 'postgresql://agent:s3cret@[/agents' "${input[@]}"
  expect 1 'initialize' --store 'postgresql://agent:s3cret@127.0.0.1:1/agents?sapce=x' "${input[@]}"
  expect 1 'initialize' --store 'postgresql://agent:s3cret@127.0.0.1:1/a?space=pg_x' "${input[@]}"
  expect 1 'begin with pg_' --store 'postgresql://agent:s3cret@127.0.0.1:1/a?space=pg%5Fx' "${input[@]}"
  expect 2 'two hexadecimal digits' --store 'postgresql://127.0.0.1:1/a?space=a%2' "${input[@]}"
fi

# And what is right.
"$program" "${store[@]}" --input="$work/good.jsonl" --verify --quiet --concurrency=1 \
  >"$work/out" 2>&1 || failures=$((failures + 1))
[ ! -s "$work/out" ] || failures=$((failures + 1))
"$program" --help >"$work/out" 2>"$work/err" || failures=$((failures + 1))
grep -q '^usage: agent_runtime' "$work/out" || failures=$((failures + 1))
[ ! -s "$work/err" ] || failures=$((failures + 1))

if [ "$failures" -ne 0 ]; then
  echo "bad_input: $failures failed"
  exit 1
fi
echo "bad_input: $checks errors, each one line that names it"
