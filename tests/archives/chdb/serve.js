// SPDX-License-Identifier: Apache-2.0

// usage: node serve.js DIRECTORY PORT
//
// As much of ClickHouse's HTTP interface as the archive and its tests need, over the engine that the
// package chdb carries: a statement is in the URL, with the rows of an insert as the body, or it is
// the body. Statements are made one after the other.
import { Session } from "chdb";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [, , directory, port] = process.argv;
const session = new Session(join(directory, "data"));
const ask = (sql) => session.query(sql, "TabSeparated"); // where the statement names no other format

/** The engine takes no rows of RowBinary with a statement, but a file of them. */
function run(sql, body) {
  if (!/^INSERT .* FORMAT RowBinary$/s.test(sql)) {
    return ask(`${sql}${body}`);
  }
  const rows = join(directory, "rows");
  writeFileSync(rows, body);
  try {
    return ask(sql.replace(/(?= FORMAT RowBinary$)/, ` FROM INFILE '${rows}'`));
  } finally {
    rmSync(rows);
  }
}

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  const sql = new URL(request.url, "http://localhost").searchParams.get("query") ?? "";
  try {
    response.end(run(sql, Buffer.concat(pieces)));
  } catch (error) {
    const text = error.message.replace(/^Query failed: /, "");
    const code = text.match(/^Code: (\d+)/)?.[1] ?? "0";
    response.writeHead(500, { "X-ClickHouse-Exception-Code": code });
    response.end(text);
  }
}).listen(Number(port), "127.0.0.1");
