// Draws /openapi.json. Text only ever becomes text nodes, so nothing of the document is markup.
"use strict";

const methods = ["get", "post", "put", "patch", "delete"];
let spec = null;

// make("p", {class: "x"}, "text", node, ...)
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== undefined) node.setAttribute(name, value);
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

// Sentences with `code` in them.
function prose(text) {
  const parts = document.createDocumentFragment();
  (text || "").split("`").forEach((part, i) => {
    if (part !== "") parts.append(i % 2 === 1 ? make("code", {}, part) : part);
  });
  return parts;
}

// A path that may break behind its slashes.
function breakable(path) {
  const parts = document.createDocumentFragment();
  for (const part of path.split(/(?<=\/)/)) parts.append(part, make("wbr"));
  return parts;
}

function nameOf(reference) {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

function resolve(schema) {
  return schema && schema.$ref ? spec.components.schemas[nameOf(schema.$ref)] : schema || {};
}

function schemaLink(name) {
  return make("a", { href: "#schema-" + name }, name);
}

function join(parts, word) {
  const all = document.createDocumentFragment();
  parts.forEach((part, i) => {
    if (i > 0) all.append(word);
    all.append(part);
  });
  return all;
}

function range(schema, unit) {
  const low = schema.minimum ?? schema.minLength ?? schema.minItems;
  const high = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  let text = "";
  if (unit === "items" && low !== undefined && low === high) return " with " + low + " items";
  if (schema.exclusiveMinimum !== undefined) text += " above " + schema.exclusiveMinimum;
  else if (low !== undefined && !(unit && low === 0)) text += " from " + low;
  if (schema.exclusiveMaximum !== undefined) text += " to below " + schema.exclusiveMaximum;
  else if (high !== undefined) text += (text ? " to " : " up to ") + high;
  return text === "" ? "" : text + (unit ? " " + unit : "");
}

// What a value may be, in a few words; named schemas are links.
function typeOf(schema) {
  if (schema.$ref) return schemaLink(nameOf(schema.$ref));
  if (schema.allOf && !schema.properties) return join(schema.allOf.map(typeOf), " with ");
  if (schema.anyOf) return join(schema.anyOf.map(typeOf), " or ");
  if (schema.const !== undefined) return make("code", {}, JSON.stringify(schema.const));
  if (schema.enum) return join(schema.enum.map((v) => make("code", {}, JSON.stringify(v))), " or ");
  const types = Array.isArray(schema.type) ? schema.type : [schema.type || "any value"];
  return join(types.map((type) => plainType(type, schema)), " or ");
}

function plainType(type, schema) {
  if (type === "array") {
    const items = schema.items ? ["array of ", typeOf(schema.items)] : ["array"];
    return join([...items, range(schema, "items")], "");
  }
  if (type === "string" && schema.format === "binary") return "file";
  if (type === "string") return "string" + range(schema, "characters");
  if (type === "object" && typeof schema.additionalProperties === "object")
    return join(["object of ", typeOf(schema.additionalProperties)], "");
  if (schema.format === "unixtime" && type === "integer") return "unix time";
  return type + range(schema, "");
}

function member(name, schema, required, doc) {
  const type = make("span", { class: "type" }, typeOf(schema));
  if (schema.default !== undefined) type.append("; default ", JSON.stringify(schema.default));
  return make("div", {},
    make("dt", {}, make("code", {}, name),
      required ? make("span", { class: "must" }, "required") : null),
    make("dd", {}, prose(doc || schema.description), type));
}

function members(schema, mark) {
  const list = make("dl", { class: "members" });
  const required = new Set(schema.required || []);
  for (const [name, inner] of Object.entries(schema.properties || {}))
    list.append(member(name, inner, mark && required.has(name), inner.description));
  return list;
}

// ---- one operation ---------------------------------------------------------------------------

// A value that a schema would take, for examples.
function sample(schema, name) {
  schema = resolve(schema);
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return sample(schema.anyOf[0], name);
  if (schema.allOf) return sample(schema.allOf[0], name);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object") {
    const value = {};
    for (const key of schema.required || [])
      value[key] = sample((schema.properties || {})[key], key);
    return value;
  }
  if (type === "array") return [sample(schema.items, name)];
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (type === "boolean") return true;
  return name.toUpperCase();
}

function quote(text) {
  return "'" + text.replace(/'/g, "'\\''") + "'";
}

function curl(path, method, operation) {
  const url = location.origin + path.replace(/\{(\w+)\}/g, (all, name) => name.toUpperCase());
  const needed = (operation.parameters || []).filter((p) => p.in === "query" && p.required)
    .map((p) => p.name + "=" + encodeURIComponent(sample(p.schema, p.name)));
  const target = needed.length > 0 ? quote(url + "?" + needed.join("&")) : url;
  const content = (operation.requestBody || {}).content || {};
  const lines = ["curl " + target];
  if (content["multipart/form-data"]) {
    const form = resolve(content["multipart/form-data"].schema);
    for (const name of form.required || []) {
      const property = form.properties[name];
      const inner = property.allOf ? property.allOf[0] : property;
      lines.push("-F " + name + "=" + (inner.format === "binary" ? "@train.jsonl" : sample(inner, name)));
    }
  } else if (content["application/json"]) {
    const body = content["application/json"];
    lines.push("-H 'Content-Type: application/json'");
    lines.push("-d " + quote(JSON.stringify(body.example ?? sample(body.schema, "body"))));
    if (method !== "post") lines[0] += " -X " + method.toUpperCase();
  } else if (method !== "get") {
    lines[0] += " -X " + method.toUpperCase();
  }
  if (Object.keys(((operation.responses["200"] || {}).content || {})).some((m) => m.includes("octet") || m.includes("tar")))
    lines.push("-o FILE");
  return lines.join(" \\\n  ");
}

function curlBlock(text) {
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select and copy";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  return make("div", { class: "curl" }, make("pre", {}, make("code", {}, text)), copy);
}

function parameterList(title, parameters) {
  if (parameters.length === 0) return null;
  const list = make("dl", { class: "members" });
  for (const p of parameters) list.append(member(p.name, p.schema, p.required, p.description));
  return join([make("h3", {}, title), list], "");
}

function bodyPart(operation) {
  const content = (operation.requestBody || {}).content;
  if (!content) return null;
  const parts = document.createDocumentFragment();
  for (const [media, body] of Object.entries(content)) {
    const title = make("h3", {}, "Body ", make("code", {}, media));
    if (body.schema.$ref) title.append(": ", schemaLink(nameOf(body.schema.$ref)));
    parts.append(title, members(resolve(body.schema), true));
  }
  return parts;
}

function contents(response) {
  return join(Object.entries(response.content || {}).map(([media, body]) => {
    if (media === "application/problem+json") return schemaLink("Problem");
    const named = body.schema && body.schema.$ref;
    return named ? schemaLink(nameOf(body.schema.$ref)) : make("code", {}, media);
  }), " or ");
}

function responsesPart(operation) {
  const list = make("dl", { class: "members" });
  for (const [status, response] of Object.entries(operation.responses)) {
    const good = status < "400";
    const type = make("span", { class: "type" }, contents(response));
    const headers = Object.keys(response.headers || {}).filter((h) => h !== "X-Request-Id");
    if (headers.length > 0) type.append(headers.length && response.content ? "; " : "",
      "headers ", headers.join(", "));
    list.append(make("div", {},
      make("dt", {}, make("span", { class: "status " + (good ? "good" : "bad") }, status)),
      make("dd", {}, prose(response.description), type)));
  }
  return join([make("h3", {}, "Answers"), list], "");
}

function fill(inside, path, method, operation, shared) {
  const parameters = [...shared, ...(operation.parameters || [])];
  const of = (place) => parameters.filter((p) => p.in === place);
  const parts = [
    operation.description ? make("p", {}, prose(operation.description)) : null,
    curlBlock(curl(path, method, operation)),
    parameterList("In the path", of("path")),
    parameterList("Query", of("query")),
    parameterList("Headers", of("header")),
    bodyPart(operation),
    responsesPart(operation),
  ];
  inside.append(...parts.filter((part) => part !== null));
}

// All words that the filter looks through.
function wordsOf(path, method, operation) {
  const body = (operation.requestBody || {}).content || {};
  const names = Object.values(body).flatMap((b) => Object.keys(resolve(b.schema).properties || {}));
  const query = (operation.parameters || []).map((p) => p.name);
  const answers = Object.values(operation.responses).map((r) => r.description);
  return [method, path, operation.operationId, operation.summary, operation.description,
    ...operation.tags, ...names, ...query, ...answers].join(" ").toLowerCase();
}

function operationEntry(path, method, operation, shared) {
  const inside = make("div", { class: "inside" });
  const entry = make("details", { class: "operation", id: operation.operationId },
    make("summary", {},
      make("span", { class: "method " + method }, method.toUpperCase()),
      make("span", { class: "path" }, breakable(path)),
      make("span", { class: "summary" }, operation.summary)),
    inside);
  entry.addEventListener("toggle", () => {
    if (entry.open && inside.childNodes.length === 0) fill(inside, path, method, operation, shared);
  });
  entry.dataset.words = wordsOf(path, method, operation);
  return entry;
}

function schemaEntry(name, schema) {
  const inside = make("div", { class: "inside" });
  const entry = make("details", { class: "operation", id: "schema-" + name },
    make("summary", {}, make("span", { class: "method" }, "OBJECT"),
      make("span", { class: "path" }, name),
      make("span", { class: "summary" }, schema.description || "")),
    inside);
  entry.addEventListener("toggle", () => {
    if (entry.open && inside.childNodes.length === 0) inside.append(members(schema, false));
  });
  entry.dataset.words = [name, schema.description, ...Object.keys(schema.properties || {})]
    .join(" ").toLowerCase();
  return entry;
}

function errorEntry(error) {
  const entry = make("div", {}, make("dt", {}, make("code", {}, error.code)),
    make("dd", {}, make("span", { class: "status bad" }, String(error.status)), " ", error.title,
      error.retry === "never" ? "; trying again cannot help" : "",
      error.retry === "later" ? "; try again later" : ""));
  entry.dataset.words = (error.code + " " + error.status + " " + error.title).toLowerCase();
  return entry;
}

// ---- the page --------------------------------------------------------------------------------

function section(title, doc, entries) {
  const links = make("ul", {});
  for (const entry of entries) {
    if (entry.id === "") continue;
    const label = entry.querySelector(".summary").textContent;
    const text = title === "Objects" ? entry.id.slice("schema-".length) : label;
    const item = make("li", {}, make("a", { href: "#" + entry.id }, text));
    entry.link = item;
    links.append(item);
  }
  const heading = make("h2", {}, title);
  const area = make("section", { "aria-label": title }, make("h2", {}, title),
    doc ? make("p", {}, doc) : null, ...entries);
  if (links.childNodes.length > 0) {
    document.getElementById("contents").append(heading, links);
    area.heading = heading;
  }
  document.getElementById("operations").append(area);
}

function draw() {
  document.getElementById("version").textContent = spec.info.version;
  for (const text of spec.info.description.split("\n\n"))
    document.getElementById("about").append(make("p", {}, prose(text)));
  for (const tag of spec.tags) {
    const entries = [];
    for (const [path, item] of Object.entries(spec.paths))
      for (const method of methods)
        if (item[method] && item[method].tags.includes(tag.name))
          entries.push(operationEntry(path, method, item[method], item.parameters || []));
    if (entries.length > 0) section(tag.name, tag.description, entries);
  }
  section("Objects", "What requests and answers are made of.",
    Object.entries(spec.components.schemas).map(([name, schema]) => schemaEntry(name, schema)));
  const errors = make("dl", { class: "members" }, ...spec["x-errors"].map(errorEntry));
  section("Errors", "Codes are never renamed; programs should look at error.code.", []);
  document.querySelector("#operations > section:last-child").append(errors);
}

function filter() {
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter((w) => w);
  let shown = 0;
  for (const entry of document.querySelectorAll("[data-words]")) {
    entry.hidden = !words.every((word) => entry.dataset.words.includes(word));
    if (entry.link) entry.link.hidden = entry.hidden;
    if (!entry.hidden && entry.matches("details:not([id^=schema-])")) shown++;
  }
  for (const area of document.querySelectorAll("#operations > section")) {
    area.hidden = area.querySelector("[data-words]:not([hidden])") === null;
    if (area.heading) area.heading.hidden = area.hidden;
  }
  document.getElementById("about").hidden = words.length > 0;
  document.getElementById("count").textContent =
    words.length === 0 ? "" : shown === 1 ? "1 endpoint" : shown + " endpoints";
}

// Open what the address names.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target === null || target.tagName !== "DETAILS") return;
  target.hidden = false;
  target.open = true;
  target.scrollIntoView({ behavior: "instant" });
  target.querySelector("summary").focus({ preventScroll: true });
}

function onKey(event) {
  const box = document.getElementById("filter");
  if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    box.focus();
  } else if (event.key === "Escape" && document.activeElement === box) {
    box.value = "";
    filter();
  }
}

async function start() {
  const about = document.getElementById("about");
  try {
    const reply = await fetch("/openapi.json");
    if (!reply.ok) throw new Error("the server answered " + reply.status);
    spec = await reply.json();
    draw();
  } catch (error) {
    about.append(make("p", { class: "problem" }, "/openapi.json cannot be shown: " + error.message));
    return;
  }
  document.getElementById("filter").addEventListener("input", filter);
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", follow);
  follow();
}

start();
