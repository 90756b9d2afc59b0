// The offerings API on Fastify and SQLite (better-sqlite3), in one process.
//
// Choices: ids are case-sensitive, oldest first, deleting the main promotes the oldest that is left, a replay is the stored
// first response with any body, a repeated product, an unknown query parameter and an empty PATCH are rejected,
// regular offerings have tag 0, times have milliseconds.
"use strict";
const { parse } = require("node:querystring");
const Database = require("better-sqlite3");
const Fastify = require("fastify");

const env = process.env;
const fault = (name) => env.FAULT === name;
const db = new Database(env.DATABASE);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = OFF");
db.pragma("foreign_keys = ON");
db.exec(`
  create table api_key (token text primary key, project integer not null, allowed integer not null);
  create table product (project integer, uid text, primary key (project, uid)) without rowid;
  create table offering (
    seq integer primary key autoincrement, project integer not null, uid ${fault("string-column") ? "string" : "text"} not null, tag integer not null default 0,
    experiment integer not null default 0, created_at text not null, updated_at text not null, unique (project, uid));
  create table offering_product (
    offering integer references offering (seq) on delete cascade, position integer, product text,
    primary key (offering, position));
  create table idempotency (
    project integer, key text, operation text, response text not null, primary key (project, key, operation));
  create unique index one_main on offering (project) where tag = 1;
`);

const sql = Object.fromEntries(Object.entries({
  key: "select project, allowed from api_key where token = ?",
  find: "select * from offering where project = ? and uid = ?",
  page: "select * from offering where project = ? and experiment = 0 and seq > ? order by seq limit ?",
  any: "select 1 from offering where project = ? and experiment = 0",
  insert: "insert into offering (project, uid, tag, experiment, created_at, updated_at) values (?, ?, ?, ?, ?, ?)",
  replace: "insert or replace into offering (project, uid, tag, experiment, created_at, updated_at) values (?, ?, ?, ?, ?, ?)",
  touch: "update offering set updated_at = ? where seq = ?",
  demote: "update offering set tag = 0, updated_at = ? where project = ? and tag = 1 and seq <> ?",
  demoteAll: "update offering set tag = 0, updated_at = ? where project = ? and seq <> ?",
  promote: "update offering set tag = 1, updated_at = ? where seq = ?",
  oldest: "select seq from offering where project = ? and experiment = 0 order by seq limit 1",
  remove: "delete from offering where seq = ?",
  product: "select 1 from product where project = ? and uid = ?",
  products: fault("sorted-products")
    ? "select p.uid from product p where p.uid in (select product from offering_product where offering = ?) group by p.uid"
    : "select product as uid from offering_product where offering = ? order by position",
  detach: "delete from offering_product where offering = ?",
  attach: "insert into offering_product values (?, ?, ?)",
  replay: "select response from idempotency where project = ? and key = ? and operation = ?",
  remember: "insert into idempotency values (?, ?, ?, ?)",
}).map(([name, text]) => [name, db.prepare(text)]));

const now = () => new Date().toISOString();
const listings = new Map(); // only the fault list-cache reads it

function seed() {
  for (const [name, project, allowed] of [["TOKEN", 1, 1], ["LIMITED_TOKEN", 1, 0], ["SECOND_TOKEN", 2, 1], ["EMPTY_TOKEN", 3, 1]])
    db.prepare("insert into api_key values (?, ?, ?)").run(env[name], project, allowed);
  const products = env.PRODUCT_IDS.split(",");
  const addProduct = db.prepare("insert into product values (?, ?)");
  for (const project of [1, 2, 3]) for (const uid of products) addProduct.run(project, uid);
  addProduct.run(2, env.SECOND_PRODUCT_ID);
  for (const [project, uid, tag, experiment] of [[1, "Default", 0, 0], [1, "spring:2026", 1, 0], [1, env.VARIANT_ID, 0, 1],
    [1, "old paywall", 12, 0], [2, "Default", 1, 0], [2, "b-side", 0, 0]]) {
    const { lastInsertRowid } = sql.insert.run(project, uid, tag, experiment, now(), now());
    attach(lastInsertRowid, products.slice(0, 3));
  }
}

class ApiError extends Error {
  constructor(status, code, message, field) {
    super(message);
    Object.assign(this, { status, code, field });
  }
}

function view(row) {
  return {
    object: "offering", id: row.uid, url: `/v4/offerings/${encodeURIComponent(row.uid)}`, tag: row.tag,
    product_ids: sql.products.all(row.seq).map((product) => product.uid),
    created_at: row.created_at, updated_at: row.updated_at,
  };
}

function find(project, uid, variant) {
  const row = sql.find.get(project, uid);
  if (!row || (row.experiment && !variant)) throw new ApiError(404, "not_found", "Offering not found");
  if (row.experiment) throw new ApiError(422, variant, "The offering is owned by the experiments service");
  return row;
}

function attach(offering, products) {
  sql.detach.run(offering);
  products.forEach((product, position) => sql.attach.run(offering, position, product));
}

function checkProducts(project, products) {
  if (products.some((uid) => !sql.product.get(project, uid)))
    throw new ApiError(400, "product_not_in_project", "Unknown product", "product_ids");
}

function checkTag({ tag }) {
  if (tag === 1) throw new ApiError(400, "cannot_set_main_directly", "Use set-main", "tag");
}

/** Runs `action` in a transaction, or returns the stored response of the idempotency key, which is valid for one URL. */
function once(request, operation, action) {
  const key = request.method === "POST" && request.headers["idempotency-key"];
  if (fault("list-cache") && operation !== "delete") listings.clear();
  return db.transaction(() => {
    const stored = key && sql.replay.get(request.project, key, operation);
    if (stored) return JSON.parse(stored.response);
    const result = action();
    if (key) sql.remember.run(request.project, key, operation, JSON.stringify(result));
    return result;
  }).immediate();
}

const pattern = "^[a-zA-Z0-9._:\\- ]+$";
const id = { type: "string", minLength: 1, maxLength: 64, pattern };
const tag = { type: "integer", nullable: true, minimum: 0, maximum: 1 };
const product_ids = {
  type: "array", maxItems: 100, uniqueItems: true, items: { type: "string", minLength: 1, maxLength: 255, pattern },
};
const params = { type: "object", properties: { offering_id: id } };
const integer = fault("parse-int") ? { type: "string" } : { type: "string", pattern: "^([1-9][0-9]?|100)$" };
const querystring = { type: "object", properties: { limit: integer, starting_after: id }, additionalProperties: false };
const createBody = { type: "object", required: ["id"], properties: { id, tag, product_ids } };
const patchBody = { type: "object", minProperties: 1, properties: { tag, product_ids } };

const app = Fastify({
  ajv: { customOptions: { coerceTypes: fault("ajv-coerces"), removeAdditional: false } },
  routerOptions: { maxParamLength: 300, querystringParser: (text) => parse(text.replaceAll("+", "%2B")) },
});

app.addHook("onRequest", async (request) => {
  const [, token] = /^bearer (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const key = token && sql.key.get(token);
  if (!key) throw new ApiError(401, "control_unauthorized", "Missing or invalid secret key");
  if (!key.allowed) throw new ApiError(403, "control_forbidden", "The key has no permission");
  request.project = key.project;
});

if (fault("plus-is-a-space"))
  app.addHook("preValidation", async ({ params }) => { params.offering_id = params.offering_id?.replaceAll("+", " "); });

const types = { 400: "request", 401: "request", 403: "request", 404: "resource", 409: "resource", 422: "logical" };
app.setErrorHandler((error, request, reply) => {
  const status = error.status ?? error.statusCode ?? 500;
  const code = error instanceof ApiError ? error.code : status >= 500 ? "unknown_error" : "invalid_data";
  const field = error.field ?? error.validation?.[0]?.instancePath.split("/")[1];
  const details = field && [{ field, message: error.message }];
  reply.code(status).send({ error: { type: types[status] ?? (status < 500 ? "request" : "internal"), code, message: error.message, details } });
});
app.setNotFoundHandler((request, reply) =>
  reply.code(404).send({ error: { type: "resource", code: "invalid_request", message: "Unrecognised URL" } }));

app.get("/v4/offerings", { schema: { querystring } }, async (request, reply) => {
  if (fault("list-cache") && listings.has(request.url + request.project)) return listings.get(request.url + request.project);
  const limit = parseInt(request.query.limit ?? (fault("default-limit") ? "25" : "20"), 10);
  if (!(limit >= 1 && limit <= 100)) throw new ApiError(400, "invalid_data", "must be an integer between 1 and 100", "limit");
  let after = 0;
  if (request.query.starting_after !== undefined) {
    const cursor = sql.find.get(request.project, request.query.starting_after);
    after = cursor && !cursor.experiment ? cursor.seq : 0;
    if (!after) reply.header("X-Qon-Pagination-Restarted", "true");
  }
  const rows = sql.page.all(request.project, after, limit + 1);
  const page = { object: "list", url: "/v4/offerings", data: rows.slice(0, limit).map(view), has_more: rows.length > limit };
  if (page.has_more) page.next_cursor = page.data.at(-1).id;
  if (fault("list-cache") && !after) listings.set(request.url + request.project, page);
  return page;
});

app.post("/v4/offerings", { schema: { body: createBody } }, async (request, reply) => {
  const { project, body } = request;
  checkTag(body);
  const taken = sql.find.get(project, body.id);
  if (fault("await-before-insert")) await new Promise(setImmediate);
  const offering = once(request, "create", () => {
    checkProducts(project, body.product_ids ?? []);
    if (fault("await-before-insert") ? taken : taken || sql.find.get(project, body.id))
      throw new ApiError(409, "offering_already_exists", "An offering with this id exists");
    const time = now(), write = fault("await-before-insert") ? sql.replace : sql.insert;
    const { lastInsertRowid } = write.run(project, body.id, sql.any.get(project) ? 0 : 1, 0, time, time);
    attach(lastInsertRowid, body.product_ids ?? []);
    return view(sql.find.get(project, body.id));
  });
  return reply.code(201).send(offering);
});

const one = { schema: { params } };
app.get("/v4/offerings/:offering_id", one, async ({ project, params }) => view(find(project, params.offering_id)));

app.patch("/v4/offerings/:offering_id", { schema: { params, body: patchBody } }, async (request) => {
  const { project, params, body } = request;
  checkTag(body);
  return once(request, "update", () => {
    const row = find(project, params.offering_id, "cannot_patch_experiment_variant");
    if ("tag" in body && row.tag === 1) throw new ApiError(422, "cannot_demote_main", "Promote another offering instead");
    if (body.product_ids) {
      checkProducts(project, body.product_ids);
      attach(row.seq, body.product_ids);
    }
    sql.touch.run(now(), row.seq);
    return view(find(project, row.uid));
  });
});

app.delete("/v4/offerings/:offering_id", one, async (request, reply) => {
  const { project, params } = request;
  once(request, "delete", () => {
    if (fault("delete-missing-is-204") && !sql.find.get(project, params.offering_id)) return {};
    const row = find(project, params.offering_id, "cannot_delete_experiment_variant");
    sql.remove.run(row.seq);
    const next = row.tag === 1 && sql.oldest.get(project);
    if (next) sql.promote.run(now(), next.seq);
    return {};
  });
  return reply.code(204).send();
});

app.post("/v4/offerings/:offering_id/set-main", one, async (request) => {
  const { project, params } = request;
  return once(request, request.url, () => {
    const row = find(project, params.offering_id, "cannot_setmain_experiment_variant");
    (fault("demotes-everything") ? sql.demoteAll : sql.demote).run(now(), project, row.seq);
    sql.promote.run(now(), row.seq);
    return view(find(project, row.uid));
  });
});

seed();
app.listen({ host: "127.0.0.1", port: Number(env.PORT) });
