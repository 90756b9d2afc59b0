"""The offerings API on FastAPI and PostgreSQL (psycopg 3, one lock per project).

Choices: ids are case-sensitive, oldest first, deleting the main leaves none, a replay is the stored first response,
a key used with another body is 422, unknown members are ignored, times have microseconds.
"""
import hashlib
import json
import os
from contextlib import asynccontextmanager, nullcontext
from datetime import timezone
from typing import Annotated
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field, StrictInt, StringConstraints
from starlette.exceptions import HTTPException

FAULT = os.environ.get("FAULT", "")
current_project = 0  # only the fault global-project reads it

SCHEMA = """
create table project (id int primary key);
create table api_key (token text primary key, project_id int not null references project, allowed bool not null);
create table product (project_id int references project, uid text, primary key (project_id, uid));
create table offering (
    project_id int references project, uid text, seq bigint generated always as identity, tag smallint,
    experiment bool not null default false,
    created_at timestamptz not null default clock_timestamp(), updated_at timestamptz not null default clock_timestamp(),
    primary key (project_id, uid));
create table offering_product (
    project_id int, offering_uid text, position int, product_uid text,
    primary key (project_id, offering_uid, position),
    foreign key (project_id, offering_uid) references offering on delete cascade);
create table idempotency (
    project_id int, key text, operation text, fingerprint text not null, body json,
    primary key (project_id, key, operation));
create unique index one_main on offering (project_id) where tag = 1;
"""

SELECT = """
select o.uid, o.tag, o.created_at, o.updated_at, o.experiment, o.seq,
       array(select product_uid from offering_product p
             where p.project_id = o.project_id and p.offering_uid = o.uid order by position) as product_ids
from offering o where o.project_id = %s and """

Uid = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9._:\- ]+$")]
ProductUid = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9._:\- ]+$")]
PathUid = Annotated[str, Path(max_length=64, pattern=r"^[a-zA-Z0-9._:\- ]+$")]
Tag = int | None if FAULT == "coerced-tag" else StrictInt | None
IdempotencyKey = Annotated[str | None, Header(max_length=255)]


class Patch(BaseModel):
    tag: Tag = None
    product_ids: Annotated[list[ProductUid], Field(max_length=100)] = []


class Create(Patch):
    id: Uid


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str, field: str | None = None):
        kind = {400: "request", 401: "request", 403: "request", 404: "resource", 409: "resource"}.get(status, "logical")
        error = {"type": kind, "code": code, "message": message}
        if field:
            error["details"] = [{"field": field, "message": message}]
        self.response = JSONResponse({"error": error}, status)


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with AsyncConnectionPool(os.environ["DATABASE"], min_size=2, max_size=10,
                                   kwargs={"row_factory": dict_row, "autocommit": True}) as app.state.pool:
        async with app.state.pool.connection() as cx:
            await seed(cx)
        yield


async def seed(cx):
    await cx.execute(SCHEMA)
    tokens = [("TOKEN", 1, True), ("LIMITED_TOKEN", 1, False), ("SECOND_TOKEN", 2, True), ("EMPTY_TOKEN", 3, True)]
    for name, project, allowed in tokens:
        await cx.execute("insert into project values (%s) on conflict do nothing", [project])
        await cx.execute("insert into api_key values (%s, %s, %s)", [os.environ[name], project, allowed])
    products = os.environ["PRODUCT_IDS"].split(",")
    for project in (1, 2, 3):
        for uid in products + [os.environ["SECOND_PRODUCT_ID"]] * (project == 2):
            await cx.execute("insert into product values (%s, %s)", [project, uid])
    for project, uid, tag, experiment in [(1, "onboarding", 1, False), (1, "Win back: EU", 0, False),
                                          (1, "legacy", 7, False), (1, os.environ["VARIANT_ID"], None, True),
                                          (2, "onboarding", None, False), (2, "other.main", 1, False)]:
        await cx.execute("insert into offering (project_id, uid, tag, experiment) values (%s, %s, %s, %s)",
                         [project, uid, tag, experiment])
        await write_products(cx, project, uid, products[:2])


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.middleware("http")
async def authenticate(request: Request, call_next):
    global current_project
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    async with app.state.pool.connection() as cx:
        row = await (await cx.execute("select * from api_key where token = %s", [token.replace("\0", "")])).fetchone()
    if scheme.lower() != "bearer" or row is None:
        return ApiError(401, "control_unauthorized", "Missing or invalid secret key").response
    if not row["allowed"]:
        return ApiError(403, "control_forbidden", "The key has no permission").response
    request.state.project = current_project = row["project_id"]
    request.scope["query_string"] = request.scope["query_string"].replace(b"+", b"%2B")  # a plus is no space in an id
    return await call_next(request)


@app.exception_handler(ApiError)
async def api_error(_, exc: ApiError):
    return exc.response


@app.exception_handler(RequestValidationError)
async def invalid(_, exc: RequestValidationError):
    details = [{"field": str(e["loc"][-1]), "message": e["msg"]} for e in exc.errors()]
    body = {"error": {"type": "request", "code": "invalid_data", "message": "Validation failed", "details": details}}
    return JSONResponse(body, 422 if FAULT == "default-validation-status" else 400)


@app.exception_handler(HTTPException)
async def http_error(_, exc: HTTPException):
    code = "invalid_data" if exc.status_code == 400 else "invalid_request"
    body = {"error": {"type": "request", "code": code, "message": str(exc.detail)}}
    return JSONResponse(body, exc.status_code, headers=exc.headers)


def project_of(request: Request) -> int:
    return current_project if FAULT == "global-project" else request.state.project


def view(row) -> dict:
    def time(value):
        value = value.astimezone(timezone.utc)
        return (value.replace(tzinfo=None) if FAULT == "naive-times" else value).isoformat()
    return {"object": "offering", "id": row["uid"], "url": "/v4/offerings/" + quote(row["uid"]), "tag": row["tag"],
            "product_ids": row["product_ids"], "created_at": time(row["created_at"]),
            "updated_at": time(row["updated_at"])}


@asynccontextmanager
async def write(request: Request, atomic: bool = True):
    """A transaction that holds the lock of the project."""
    project = project_of(request)
    async with app.state.pool.connection() as cx, cx.transaction() if atomic else nullcontext():
        await cx.execute("select 1 from project where id = %s for update", [project])
        yield cx, project


async def find(cx, project: int, uid: str, variant: str | None = None):
    comparison = "o.uid like %s" if FAULT == "like-lookup" else "o.uid = %s"
    row = await (await cx.execute(SELECT + comparison, [project, uid])).fetchone()
    if row is None or (row["experiment"] and variant is None):
        raise ApiError(404, "not_found", "Offering not found")
    if row["experiment"]:
        raise ApiError(422, variant, "The offering is owned by the experiments service")
    return row


async def check_products(cx, project: int, uids: list[str]):
    known = await cx.execute("select uid from product where project_id = %s and uid = any(%s)", [project, uids])
    if set(uids) - {row["uid"] async for row in known}:
        raise ApiError(400, "product_not_in_project", "Unknown product", "product_ids")


async def write_products(cx, project: int, offering: str, uids: list[str]):
    await cx.execute("delete from offering_product where project_id = %s and offering_uid = %s", [project, offering])
    for position, uid in enumerate(uids):
        await cx.execute("insert into offering_product values (%s, %s, %s, %s)", [project, offering, position, uid])


async def replayed(cx, project: int, operation: str, key: str | None, payload) -> dict | None:
    """The stored response of the key; the primary key makes a second request wait for the first."""
    if key is None:
        return None
    fingerprint = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    scope = 0 if FAULT == "idempotency-without-project" else project
    await cx.execute("insert into idempotency values (%s, %s, %s, %s) on conflict do nothing",
                     [scope, key, operation, fingerprint])
    row = await (await cx.execute("select fingerprint, body from idempotency where (project_id, key, operation) = "
                                  "(%s, %s, %s)", [scope, key, operation])).fetchone()
    if row["fingerprint"] != fingerprint:
        raise ApiError(422, "idempotency_key_reused", "The key was used with another request")
    return row["body"]


async def store_response(cx, project: int, operation: str, key: str | None, body: dict):
    scope = 0 if FAULT == "idempotency-without-project" else project
    await cx.execute("update idempotency set body = %s where (project_id, key, operation) = (%s, %s, %s)",
                     [json.dumps(body), scope, key, operation])


@app.get("/v4/offerings")
async def list_offerings(request: Request, response: Response, limit: Annotated[int, Query(ge=1, le=100)] = 20,
                         starting_after: Annotated[Uid | None, Query()] = None):
    project, after = project_of(request), 0
    async with app.state.pool.connection() as cx:
        if starting_after is not None:
            cursor = await cx.execute("select seq from offering where project_id = %s and uid = %s and not experiment",
                                      [project, starting_after])
            row = await cursor.fetchone()
            after = row["seq"] if row else 0
            if row is None:
                response.headers["X-Qon-Pagination-Restarted"] = "true"
        rows = await cx.execute(SELECT + "not experiment and seq > %s order by seq limit %s", [project, after, limit + 1])
        rows = await rows.fetchall()
    page = [view(row) for row in rows[:limit]]
    more = len(page) == limit if FAULT == "has-more-when-full" else len(rows) > limit
    return {"object": "list", "url": "/v4/offerings", "data": page, "has_more": more,
            "next_cursor": page[-1]["id"] if more else None}


@app.post("/v4/offerings", status_code=201)
async def create(request: Request, body: Create, idempotency_key: IdempotencyKey = None):
    if body.tag == 1:
        raise ApiError(400, "cannot_set_main_directly", "Use set-main", "tag")
    if body.tag not in (0, None):
        raise ApiError(400, "invalid_data", "tag must be 0 or null", "tag")
    async with write(request) as (cx, project):
        if (stored := await replayed(cx, project, "create", idempotency_key, body.model_dump())) is not None:
            return stored
        await check_products(cx, project, body.product_ids)
        conflict = "on conflict (project_id, uid) do " + ("update set tag = offering.tag" if FAULT == "upsert" else "nothing")
        inserted = await cx.execute(f"""
            insert into offering (project_id, uid, tag) select %(p)s, %(uid)s,
                case when exists (select from offering where project_id = %(p)s and not experiment) then null else 1 end
            {conflict} returning uid""", {"p": project, "uid": body.id})
        if await inserted.fetchone() is None:
            raise ApiError(409, "offering_already_exists", "An offering with this id exists")
        await write_products(cx, project, body.id, body.product_ids)
        result = view(await find(cx, project, body.id))
        await store_response(cx, project, "create", idempotency_key, result)
    return result


@app.get("/v4/offerings/{offering_id}")
async def get(request: Request, offering_id: PathUid):
    async with app.state.pool.connection() as cx:
        return view(await find(cx, project_of(request), offering_id))


@app.patch("/v4/offerings/{offering_id}")
async def update(request: Request, offering_id: PathUid, body: Patch):
    if body.tag == 1:
        raise ApiError(400, "cannot_set_main_directly", "Use set-main", "tag")
    if body.tag not in (0, None):
        raise ApiError(400, "invalid_data", "tag must be 0 or null", "tag")
    async with write(request, atomic=FAULT != "patch-without-transaction") as (cx, project):
        row = await find(cx, project, offering_id, "cannot_patch_experiment_variant")
        if "product_ids" in body.model_fields_set:
            await write_products(cx, project, row["uid"], body.product_ids)
            await check_products(cx, project, body.product_ids)
        if "tag" in body.model_fields_set and row["tag"] == 1:
            raise ApiError(422, "cannot_demote_main", "Promote another offering instead")
        await cx.execute("update offering set updated_at = clock_timestamp() where project_id = %s and uid = %s",
                         [project, row["uid"]])
        return view(await find(cx, project, row["uid"]))


@app.delete("/v4/offerings/{offering_id}", status_code=204)
async def delete(request: Request, offering_id: PathUid):
    async with write(request) as (cx, project):
        row = await find(cx, project, offering_id, "cannot_delete_experiment_variant")
        await cx.execute("delete from offering where project_id = %s and uid = %s", [project, row["uid"]])


@app.post("/v4/offerings/{offering_id}/set-main")
async def set_main(request: Request, offering_id: PathUid, idempotency_key: IdempotencyKey = None):
    demote = "update offering set tag = 0, updated_at = clock_timestamp() where project_id = %s and tag = 1 and uid <> %s"
    promote = "update offering set tag = 1, updated_at = clock_timestamp() where project_id = %s and uid = %s"
    async with write(request) as (cx, project):
        if (stored := await replayed(cx, project, "set-main", idempotency_key, offering_id)) is not None:
            return stored
        row = await find(cx, project, offering_id, "cannot_setmain_experiment_variant")
        if FAULT == "set-main-in-two-steps":
            async with app.state.pool.connection() as other:
                await other.execute(demote, [project, row["uid"]])
        for statement in (demote, promote):
            await cx.execute(statement, [project, row["uid"]])
        result = view(await find(cx, project, row["uid"]))
        await store_response(cx, project, "set-main", idempotency_key, result)
    return result


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
