"""The offerings API on Flask, SQLAlchemy and SQLite, in two processes.

Choices: ids are case-insensitive, newest first, the main cannot be deleted, a replay is the offering as it is now with 200,
unknown members and a PATCH of a tag are rejected, a repeated product is stored once, times have seconds.
"""
import os
import re
from datetime import datetime, timezone
from urllib.parse import unquote

from flask import Flask, g, jsonify, request
from sqlalchemy import JSON, ForeignKey, String, create_engine, delete, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.exceptions import HTTPException

FAULT = os.environ.get("FAULT", "")
ID = re.compile(r"[a-zA-Z0-9._:\- ]{1,64}")
PRODUCT = re.compile(r"[a-zA-Z0-9._:\- ]{1,255}")

app = Flask(__name__)
app.url_map.strict_slashes = False
app.url_map.merge_slashes = False


class LiteralPlus:
    """A plus sign in a cursor stands for itself, not for a space."""
    def __init__(self, wsgi):
        self.wsgi = wsgi

    def __call__(self, environ, start_response):
        return self.wsgi({**environ, "QUERY_STRING": environ.get("QUERY_STRING", "").replace("+", "%2B")}, start_response)


app.wsgi_app = LiteralPlus(app.wsgi_app)
engine = create_engine("sqlite:///" + os.environ["DATABASE"], connect_args={"timeout": 30})


@event.listens_for(engine, "connect")
def on_connect(connection, _):
    connection.isolation_level = None  # SQLAlchemy begins the transactions, not the driver
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = off")
    connection.execute("pragma foreign_keys = on")
    if FAULT == "deferred-transactions":
        connection.execute("pragma busy_timeout = 0")


@event.listens_for(engine, "begin")
def on_begin(connection):
    deferred = FAULT == "deferred-transactions" or connection.get_execution_options().get("read")
    connection.exec_driver_sql("begin" if deferred else "begin immediate")


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Base(DeclarativeBase):
    pass


class ApiKey(Base):
    __tablename__ = "api_key"
    token: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    allowed: Mapped[bool]


class Product(Base):
    __tablename__ = "product"
    project_id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(primary_key=True)


class Offering(Base):
    __tablename__ = "offering"
    seq: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    uid: Mapped[str] = mapped_column(String(64, collation="NOCASE"))
    tag: Mapped[int | None]
    experiment: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    product_ids: Mapped[list] = mapped_column(JSON)
    created_at: Mapped[str] = mapped_column(default=now)
    updated_at: Mapped[str] = mapped_column(default=now)
    __table_args__ = {"sqlite_autoincrement": True}

    def json(self):
        return {"object": "offering", "id": self.uid, "url": f"/v4/offerings/{self.uid}", "tag": self.tag,
                "product_ids": self.product_ids, "created_at": self.created_at, "updated_at": self.updated_at}


class Idempotency(Base):
    __tablename__ = "idempotency"
    project_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[dict] = mapped_column(JSON)
    offering: Mapped[int] = mapped_column(ForeignKey(Offering.seq, ondelete="CASCADE"))
    response: Mapped[dict] = mapped_column(JSON)


class ApiError(Exception):
    def __init__(self, status, code, message, field=None):
        self.status, self.code, self.message, self.field = status, code, message, field


def seed():
    Base.metadata.create_all(engine)
    with engine.begin() as cx:
        cx.exec_driver_sql("create unique index one_id on offering (project_id, uid collate nocase)")
    products = os.environ["PRODUCT_IDS"].split(",")
    with Session(engine) as db, db.begin():
        for name, project, allowed in [("TOKEN", 1, True), ("LIMITED_TOKEN", 1, False), ("SECOND_TOKEN", 2, True),
                                       ("EMPTY_TOKEN", 3, True)]:
            db.add(ApiKey(token=os.environ[name], project_id=project, allowed=allowed))
        db.add_all(Product(project_id=project, uid=uid) for project in (1, 2, 3) for uid in products)
        db.add(Product(project_id=2, uid=os.environ["SECOND_PRODUCT_ID"]))
        for project, uid, tag, experiment in [(1, "Paywall", 0, False), (1, "main.offering", 1, False),
                                              (1, os.environ["VARIANT_ID"], 0, True), (1, "old one: 2", -3, False),
                                              (2, "main.offering", 1, False), (2, "theirs", None, False)]:
            db.add(Offering(project_id=project, uid=uid, tag=tag, experiment=experiment, product_ids=products[1:3]))


@app.errorhandler(ApiError)
def api_error(error):
    kind = {400: "request", 401: "request", 403: "request", 404: "resource", 409: "resource"}.get(error.status, "logical")
    body = {"type": kind, "code": error.code, "message": error.message}
    if error.field:
        body["details"] = [{"field": error.field, "message": error.message}]
    return jsonify(error=body), error.status


@app.errorhandler(HTTPException)
def http_error(error):
    code = "invalid_data" if error.code == 400 else "not_found" if error.code == 404 else "invalid_request"
    return jsonify(error={"type": "resource" if error.code == 404 else "request", "code": code,
                          "message": error.description}), error.code, error.get_response().headers.get("Allow") and \
        {"Allow": error.get_response().headers["Allow"]}


@app.before_request
def begin():
    reads = request.method in ("GET", "HEAD")
    g.db = Session(engine.execution_options(read=True) if reads else engine)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = g.db.get(ApiKey, token) if scheme.lower() == "bearer" else None
    if key is None:
        raise ApiError(401, "control_unauthorized", "Missing or invalid secret key")
    if not key.allowed:
        raise ApiError(403, "control_forbidden", "The key has no permission")
    g.project = key.project_id


@app.after_request
def commit(response):
    db = g.pop("db", None)
    if db is not None:
        if response.status_code < 400 or FAULT == "commit-always":
            db.commit()
        db.close()
    return response


@app.teardown_request
def close(_):
    if db := g.pop("db", None):
        db.close()


def path_id(raw):
    value = unquote(raw) if FAULT == "decode-twice" else raw
    if not ID.fullmatch(value):
        raise ApiError(400, "invalid_data", "Invalid offering id", "offering_id")
    return value


def find(uid, variant=None):
    where = [Offering.project_id == g.project, Offering.uid == uid]
    if FAULT == "soft-delete-in-get":
        where.append(~Offering.deleted)
    row = g.db.scalars(select(Offering).where(*where)).first()
    if row is None or (row.experiment and not variant):
        raise ApiError(404, "not_found", "Offering not found")
    if row.experiment:
        raise ApiError(422, variant, "The offering is owned by the experiments service")
    return row


def body_of(allowed):
    try:
        body = request.get_json(force=True)
    except RecursionError:
        raise ApiError(400, "invalid_data", "The body is nested too deeply") from None
    if not isinstance(body, dict):
        if FAULT == "array-is-a-crash":
            body.get("id")
        raise ApiError(400, "invalid_data", "The body must be an object")
    for name in body.keys() - allowed:
        raise ApiError(400, "invalid_data", "Unknown member", name)
    if body.get("tag") is not None and (type(body["tag"]) is not int or body["tag"] not in (0, 1)):
        raise ApiError(400, "invalid_data", "tag must be 0 or null", "tag")
    if body.get("tag") == 1:
        raise ApiError(400, "cannot_set_main_directly", "Use set-main", "tag")
    if "product_ids" in body:
        ids = body["product_ids"]
        if not isinstance(ids, list) or len(ids) > 100 or not all(isinstance(i, str) and PRODUCT.fullmatch(i) for i in ids):
            raise ApiError(400, "invalid_data", "Up to 100 product ids", "product_ids")
        body["product_ids"] = list(dict.fromkeys(ids))
    return body


def check_products(ids):
    known = set(g.db.scalars(select(Product.uid).where(Product.project_id == g.project, Product.uid.in_(ids))))
    if set(ids) - known:
        raise ApiError(400, "product_not_in_project", "Unknown product", "product_ids")


def replayed(operation, sent):
    """What the idempotency key of this request made or promoted before."""
    key = request.headers.get("Idempotency-Key")
    used = g.db.get(Idempotency, (g.project, key, operation)) if key else None
    if used and used.request != sent:
        raise ApiError(409, "idempotency_key_reused", "The key was used with another request")
    return used


def remember(operation, sent, offering):
    if key := request.headers.get("Idempotency-Key"):
        g.db.flush()
        g.db.add(Idempotency(project_id=g.project, key=key, operation=operation, request=sent, offering=offering.seq,
                             response=offering.json()))


@app.get("/v4/offerings")
def index():
    limit, after = request.args.get("limit", "20"), request.args.get("starting_after")
    if not re.fullmatch(r"[0-9]{1,3}", limit, re.ASCII) or not 1 <= int(limit) <= 100:
        raise ApiError(400, "invalid_data", "must be an integer between 1 and 100", "limit")
    if after is not None and not ID.fullmatch(after):
        raise ApiError(400, "invalid_data", "Invalid cursor", "starting_after")
    query = select(Offering).where(Offering.project_id == g.project, ~Offering.experiment)
    headers = {}
    if after is not None:
        cursor = g.db.scalars(query.where(Offering.uid == after)).first()
        if cursor is None:
            headers["X-Qon-Pagination-Restarted"] = "true"
        elif FAULT == "cursor-by-second":
            query = query.where(Offering.created_at < cursor.created_at)
        elif FAULT == "cursor-included":
            query = query.where(Offering.seq <= cursor.seq)
        else:
            query = query.where(Offering.seq < cursor.seq)
    rows = g.db.scalars(query.order_by(Offering.seq.desc()).limit(int(limit) + 1)).all()
    return {"object": "list", "url": "/v4/offerings", "data": [row.json() for row in rows[:int(limit)]],
            "has_more": len(rows) > int(limit)}, headers


@app.post("/v4/offerings")
def create():
    body = body_of({"id", "tag", "product_ids"})
    match = re.compile(r"^[a-zA-Z0-9._:\- ]{1,64}$").match if FAULT == "dollar" else ID.fullmatch
    if not isinstance(body.get("id"), str) or not match(body["id"]):
        raise ApiError(400, "invalid_data", "1 to 64 characters of a-z, A-Z, 0-9, . _ : - and space", "id")
    if used := replayed("create", body):
        return g.db.get(Offering, used.offering).json(), 200
    check_products(body.get("product_ids", []))
    mine = select(Offering).where(Offering.project_id == g.project)
    if g.db.scalars(mine.where(Offering.uid == body["id"])).first():
        raise ApiError(409, "offering_already_exists", "An offering with this id exists")
    first = not g.db.scalar(select(func.count()).select_from(mine.where(~Offering.experiment).subquery()))
    row = Offering(project_id=g.project, uid=body["id"], tag=1 if first else body.get("tag"),
                   product_ids=body.get("product_ids", []))
    g.db.add(row)
    remember("create", body, row)
    g.db.flush()
    return row.json(), 201


cached = {}  # only the fault cache-in-each-process uses it


@app.get("/v4/offerings/<raw>")
def show(raw):
    if FAULT != "cache-in-each-process":
        return find(path_id(raw)).json()
    if (g.project, raw) not in cached:
        cached[g.project, raw] = find(path_id(raw)).json()
    return cached[g.project, raw]


@app.patch("/v4/offerings/<raw>")
def patch(raw):
    body = body_of({"tag", "product_ids"})
    cached.pop((g.project, raw), None)
    row = find(path_id(raw), "cannot_patch_experiment_variant")
    if "product_ids" in body and not (FAULT == "empty-is-absent" and not body["product_ids"]):
        if FAULT == "commit-always":
            row.product_ids = body["product_ids"]
        check_products(body["product_ids"])
        row.product_ids = body["product_ids"]
        row.updated_at = now()
    if "tag" in body and row.tag == 1:
        raise ApiError(422, "cannot_demote_main", "Promote another offering instead")
    if "tag" in body:
        raise ApiError(400, "invalid_data", "tag is read-only", "tag")
    return row.json()


@app.delete("/v4/offerings/<raw>")
def destroy(raw):
    cached.pop((g.project, raw), None)
    row = find(path_id(raw), "cannot_delete_experiment_variant")
    if row.tag == 1:
        raise ApiError(422, "cannot_delete_main", "Promote another offering first")
    if FAULT == "soft-delete-in-get":
        row.deleted = True
    else:
        g.db.execute(delete(Offering).where(Offering.seq == row.seq))
    return "", 204


@app.post("/v4/offerings/<raw>/set-main")
def set_main(raw):
    uid = path_id(raw)
    if used := replayed("set-main", uid):
        return used.response
    row = find(uid, "cannot_setmain_experiment_variant")
    g.db.execute(update(Offering).where(Offering.project_id == g.project, Offering.tag == 1, Offering.seq != row.seq)
                 .values(tag=0, updated_at=now()))
    row.tag, row.updated_at = 1, now()
    remember("set-main", uid, row)
    return row.json()
