// Using models with OpenAI's Node SDK as it is:  node openai_use.mjs BASE_URL CLASSIFIER BASE LABEL…
//
// BASE_URL ends in /v1. CLASSIFIER is a fine-tuned model, BASE a base model with weights; LABEL… are
// the classifier's labels. Modules are found from the folder it is started in (its node_modules).
// Prints a line for each check, and fails at the first one that does not hold.

import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const require = createRequire(path.join(process.cwd(), "start.js"));
const OpenAI = require("openai").default;

const [url, model, base, ...labels] = process.argv.slice(2);
const text = "I lost my library card, what now?";
const messages = [
  { role: "system", content: "Sort the question." },
  { role: "user", content: text },
];
const client = new OpenAI({ baseURL: url, apiKey: "none" });

function check(holds, claim) {
  if (!holds) {
    console.error(`openai_use.mjs: FAILED: ${claim}`);
    process.exit(1);
  }
  console.log(`ok ${claim}`);
}

// The call throws exactly this class, with what an error carries. Returns the error.
async function refused(call, kind, code, claim) {
  let error = null;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  check(error?.constructor === kind && error.code === code, `${claim}: ${kind.name} ${code}`);
  check(error.type && error.message && error.requestID, `${claim}: type, sentence, request id`);
  return error;
}

function length(vector) {
  return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
}

async function chat() {
  const answer = await client.chat.completions.create({
    model, messages, temperature: 0, logprobs: true, top_logprobs: 2,
  });
  const said = answer.choices[0].message.content;
  const token = answer.choices[0].logprobs.content[0];
  check(labels.includes(said), "chat completion: a label");
  check(token.token === said && token.top_logprobs[0].token === said, "chat completion: logprobs");
  let streamed = "";
  let usage = null;
  const stream = await client.chat.completions.create({
    model, messages, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  check(streamed === said && usage.total_tokens > 1, "chat stream: the same label, and usage");
  const whole = await client.chat.completions.stream({ model, messages }).finalContent();
  check(whole === said, "chat stream: the SDK puts it together");
  return said;
}

async function responses(said) {
  const answer = await client.responses.create({ model, input: text, instructions: "Sort." });
  check(answer.output_text === said, "response: the same label");
  let streamed = "";
  let completed = null;
  const input = [{ role: "user", content: [{ type: "input_text", text }] }];
  for await (const event of await client.responses.create({ model, input, stream: true })) {
    if (event.type === "response.output_text.delta") streamed += event.delta;
    if (event.type === "response.completed") completed = event.response;
  }
  check(streamed === said && completed.status === "completed", "response stream: the same label");
  const final = await client.responses.stream({ model, input: text }).finalResponse();
  check(final.output_text === said, "response stream: the SDK puts it together");
}

async function embeddings(name) {
  const packed = await client.embeddings.create({ model: name, input: [text, "another"] });
  const plain = await client.embeddings.create({
    model: name, input: text, encoding_format: "float", dimensions: 8,
  });
  check(Math.abs(length(packed.data[0].embedding) - 1) < 1e-5, `embeddings of ${name}: unit length`);
  check(plain.data[0].embedding.length === 8, "embeddings: dimensions");
  check(Math.abs(length(plain.data[0].embedding) - 1) < 1e-5, "embeddings: unit length again");
}

// One of each class that a status of the daemon makes; 5xx is openai_jobs.mjs's.
async function errorClasses() {
  const quick = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const { models, uploads, embeddings: vectors } = quick;
  await refused(() => vectors.create({ model: "none", input: "a" }), OpenAI.BadRequestError,
    "model_not_found", "400");
  await refused(() => models.delete(base), OpenAI.PermissionDeniedError, "base_model_protected", "403");
  await refused(() => models.retrieve("none"), OpenAI.NotFoundError, "model_not_found", "404");
  const upload = { filename: "a.jsonl", purpose: "fine-tune", bytes: 1, mime_type: "text/jsonl" };
  const pending = [];
  while (pending.length < 1000) pending.push(await uploads.create(upload));
  const full = await refused(() => uploads.create(upload), OpenAI.RateLimitError, "queue_full", "429");
  check(full.type === "rate_limit_error" && Number(full.headers.get("retry-after")) > 0,
    "429: says when to try again");
  for (const { id } of pending) await uploads.cancel(id);
  await refused(() => uploads.cancel(pending[0].id), OpenAI.ConflictError, "conflict", "409");
}

if (labels.length < 2) {
  console.error("usage: node openai_use.mjs BASE_URL CLASSIFIER BASE LABEL...");
  process.exit(2);
}
const said = await chat();
await responses(said);
await embeddings(model);
await embeddings(base);
await refused(() => client.chat.completions.create({ model: base, messages }),
  OpenAI.BadRequestError, "model_not_fine_tuned", "a base model has no labels");
await refused(() => client.chat.completions.create({ model, messages: [] }),
  OpenAI.BadRequestError, "invalid_parameter", "no messages");
await errorClasses();
