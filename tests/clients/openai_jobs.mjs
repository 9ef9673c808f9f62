// Files, uploads, jobs and models through the official Node SDK, unmodified.
//
//     node openai_jobs.mjs BASE_URL MODEL ALIAS FOLDER SDK_FOLDER
//
// As openai_jobs.py; SDK_FOLDER is where npm installed the major version to try.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [baseURL, MODEL, ALIAS, FOLDER, SDK] = process.argv.slice(2)
const require = createRequire(path.join(SDK, 'index.js'))
const { version } = JSON.parse(fs.readFileSync(path.join(SDK, 'node_modules/openai/package.json')))
const { default: OpenAI, toFile } = await import(pathToFileURL(require.resolve('openai')).href)
const client = new OpenAI({ baseURL, apiKey: 'any' })
const train = fs.readFileSync(path.join(FOLDER, 'train.jsonl'))
const MAX_STREAMS = 4 // as script/test-clients has it
const settings = { max_steps: 8, batch_size: 8, learning_rate: 1e-3 }

const done = (what) => console.log(`node ${version}: ${what}`)

async function all(pages) {
  const items = []
  for await (const item of pages) items.push(item)
  return items
}

async function wait(job, ...states) {
  for (let i = 0; i < 600; i++) {
    job = await client.fineTuning.jobs.retrieve(job.id)
    if (states.includes(job.status)) return job
    assert(!['failed', 'cancelled'].includes(job.status), JSON.stringify(job.error))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`${job.id} is still ${job.status}`)
}

async function refused(kind, status, call) {
  const start = performance.now()
  try {
    await call()
  } catch (error) {
    assert(error instanceof kind, `${error}`)
    assert.equal(error.status, status)
    assert(error.type && error.code && error.requestID && error.message, `${error}`)
    return performance.now() - start
  }
  assert.fail(`${kind.name} was not thrown`)
}

// ---- files
let file = await client.files.create({ file: fs.createReadStream(path.join(FOLDER, 'train.jsonl')), purpose: 'fine-tune' })
assert.equal(file.filename, 'train.jsonl')
assert.equal(file.bytes, train.length)
file = await client.files.waitForProcessing(file.id)
assert.equal(file.status, 'processed')
assert.equal((await client.files.retrieve(file.id)).id, file.id)
assert.deepEqual(Buffer.from(await (await client.files.content(file.id)).arrayBuffer()), train)
const named = await client.files.create({
  file: await toFile(train, 'dönér "1".jsonl'), purpose: 'fine-tune',
  expires_after: { anchor: 'created_at', seconds: 3600 },
})
assert.equal(named.filename, 'dönér "1".jsonl')
assert.equal(named.expires_at, named.created_at + 3600)
assert((await all(client.files.list({ limit: 1 }))).map((item) => item.id).includes(file.id))
assert.equal((await client.files.delete(named.id)).deleted, true)
done('files: create, list, retrieve, content, delete, waitForProcessing, expires_after')

// ---- uploads
let upload = await client.uploads.create({ filename: 'parts.jsonl', purpose: 'fine-tune', bytes: train.length, mime_type: 'application/jsonl' })
const middle = train.length >> 1
const parts = []
for (const piece of [train.subarray(0, middle), train.subarray(middle)])
  parts.push(await client.uploads.parts.create(upload.id, { data: await toFile(piece, 'part') }))
upload = await client.uploads.complete(upload.id, { part_ids: parts.map((part) => part.id) })
assert.equal(upload.status, 'completed')
assert.deepEqual(Buffer.from(await (await client.files.content(upload.file.id)).arrayBuffer()), train)
done('uploads: create, parts, complete')

// ---- jobs
const create = (more) => client.fineTuning.jobs.create({ model: MODEL, training_file: file.id, ...settings, ...more })
const tag = `node ${version}`
let job = await create({ suffix: 'node', metadata: { tag } })
assert.deepEqual(job.metadata, { tag })
job = await wait(job, 'succeeded')
assert.deepEqual((await all(client.fineTuning.jobs.list({ metadata: { tag } }))).map((item) => item.id), [job.id])
const events = await all(client.fineTuning.jobs.listEvents(job.id, { limit: 2 }))
assert(events.length > 3 && new Set(events.map((event) => event.id)).size === events.length)
const checkpoints = await all(client.fineTuning.jobs.checkpoints.list(job.id, { limit: 1 }))
assert.equal(checkpoints[0].step_number, 8)
await create({ metadata: { tag: 'second' } })
const ids = (await all(client.fineTuning.jobs.list({ limit: 1 }))).map((item) => item.id)
assert.equal(new Set(ids).size, ids.length)
done('jobs: create, retrieve, list with metadata and in pages of one, listEvents, checkpoints.list')

const long = await create({ max_steps: 100000 })
const times = []
assert(['pausing', 'paused'].includes((await client.fineTuning.jobs.pause(long.id)).status))
await wait(long, 'paused')
// More streams than may be open (script/test-clients starts the daemon so); they end with the job.
const stream = `/fine_tuning/jobs/${long.id}/stream`
const streams = await Promise.all(Array.from({ length: MAX_STREAMS }, () => fetch(baseURL + stream)))
await refused(OpenAI.InternalServerError, 503, () => client.get(stream, { maxRetries: 0 }))
assert(['queued', 'running'].includes((await client.fineTuning.jobs.resume(long.id)).status))
assert.equal((await client.fineTuning.jobs.cancel(long.id)).status, 'cancelled')
times.push(await refused(OpenAI.ConflictError, 409, () => client.fineTuning.jobs.cancel(long.id)))
for (const opened of streams) assert((await opened.text()).includes('event: end'))
assert(Math.max(...times) < 400, `a refusal was tried again: ${times}`)
done('jobs: pause, resume, cancel; a refused change is not tried again')

// ---- errors
await refused(OpenAI.BadRequestError, 400, () => create({ training_file: 'file-none' }))
await refused(OpenAI.BadRequestError, 400, () => create({ learning_rat: 1 }))
await refused(OpenAI.NotFoundError, 404, () => client.fineTuning.jobs.retrieve('ftjob-none'))
await refused(OpenAI.NotFoundError, 404, () => client.models.retrieve('no-such-model'))
await refused(OpenAI.PermissionDeniedError, 403, () => client.models.delete(MODEL))
done('errors: 400, 403, 404, 409, 503 with type, code and request id')

// ---- a data set for a chat model
const chat = await client.files.create({ file: fs.createReadStream(path.join(FOLDER, 'chat.jsonl')), purpose: 'fine-tune' })
const chatJob = await wait(await client.fineTuning.jobs.create({
  model: ALIAS, training_file: chat.id, seed: 7,
  method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 1, batch_size: 8 } } },
}), 'succeeded')
const answer = await client.chat.completions.create({
  model: chatJob.fine_tuned_model,
  messages: [{ role: 'system', content: 'Classify.' }, { role: 'user', content: 'Where is my book?' }],
})
assert(chatJob.labels.includes(answer.choices[0].message.content))
assert((await all(client.models.list())).map((model) => model.id).includes(chatJob.fine_tuned_model))
assert.equal((await client.models.delete(chatJob.fine_tuned_model)).deleted, true)
done(`a chat-format file trains under the alias ${ALIAS} and answers through chat.completions; models: list, delete`)
console.log([job.fine_tuned_model, ...job.labels].join(' '))
