// FusionAuth's TypeScript client behind a line protocol: a request is one line of JSON, and so is what came of it.
//
//   {"url", "key", "tenant", "function", "arguments"}  ->  {"resolved", "status", "hasBody", "body", "error"}
//
// An argument that the caller leaves out is the string "\u0000undefined", because JSON has no word for it.

const readline = require('readline');
const { FusionAuthClient } = require('@fusionauth/typescript-client');

const ABSENT = '\u0000undefined';

function outcome(resolved, answer) {
  const body = resolved ? answer.response : answer.exception;
  const isError = body instanceof Error;
  return {
    resolved,
    status: answer.statusCode,
    hasBody: body !== undefined,
    body: isError ? null : body,
    error: isError ? String(body.stack) : null,
  };
}

async function perform({ url, key, tenant, function: name, arguments: values }) {
  const client = new FusionAuthClient(key, url, tenant ?? undefined);
  const passed = values.map((value) => (value === ABSENT ? undefined : value));
  try {
    return outcome(true, await client[name](...passed));
  } catch (refused) {
    // The client throws its own answer object, or, which is a defect, something else.
    return 'statusCode' in refused ? outcome(false, refused) : { resolved: false, error: String(refused.stack) };
  }
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  process.stdout.write(JSON.stringify(await perform(JSON.parse(line))) + '\n');
});
