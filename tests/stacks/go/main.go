// The offerings API on net/http and PostgreSQL (lib/pq), with one advisory lock per project.
//
// Choices: ids are case-sensitive, oldest first, the main cannot be deleted (409), GET and PATCH of a malformed id are 404, a
// key that is in flight is 409, a key used with another body is 400, regular offerings have the tag 0, next_cursor is absent.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

var (
	db       *sql.DB
	fault    = os.Getenv("FAULT")
	idSyntax = regexp.MustCompile(`\A[a-zA-Z0-9._:\- ]{1,64}\z`)
	uid      = regexp.MustCompile(`\A[a-zA-Z0-9._:\- ]{1,255}\z`)
	scratch  []offering // only the fault shared-slice uses it
)

const schema = `
create table api_key (token text primary key, project int not null, allowed bool not null);
create table product (project int, uid text, primary key (project, uid));
create table offering (
	project int, uid text, seq bigserial, tag smallint not null default 0, experiment bool not null default false,
	created_at timestamptz not null default clock_timestamp(), updated_at timestamptz not null default clock_timestamp(),
	primary key (project, uid));
create table offering_product (
	project int, offering text, position int, product text, primary key (project, offering, position),
	foreign key (project, offering) references offering on delete cascade);
create table idempotency (
	project int, key text, operation text, request bytea not null, response bytea, primary key (project, key, operation));`

const columns = `select uid, tag, experiment, seq, created_at, updated_at, array(select product from offering_product p
	where p.project = o.project and p.offering = o.uid order by position) from offering o where project = $1 and `

type offering struct {
	Object     string    `json:"object"`
	ID         string    `json:"id"`
	URL        string    `json:"url"`
	Tag        int16     `json:"tag"`
	Products   []string  `json:"product_ids"`
	Created    time.Time `json:"created_at"`
	Updated    time.Time `json:"updated_at"`
	experiment bool
	seq        int64
}

type detail struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

type apiError struct {
	status  int
	Type    string   `json:"type"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details []detail `json:"details,omitempty"`
}

func (e *apiError) Error() string { return e.Message }

func fail(status int, code, message string, fields ...string) error {
	kind := map[int]string{404: "resource", 409: "resource", 422: "logical", 500: "internal"}[status]
	if kind == "" {
		kind = "request"
	}
	e := &apiError{status: status, Type: kind, Code: code, Message: message}
	for _, field := range fields {
		e.Details = append(e.Details, detail{field, message})
	}
	return e
}

type querier interface {
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

func query(ctx context.Context, q querier, text string, args ...interface{}) ([]offering, error) {
	rows, err := q.QueryContext(ctx, columns+text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []offering{}
	if fault == "shared-slice" {
		found = scratch[:0]
		defer func() { scratch = found }()
	}
	for rows.Next() {
		o := offering{Object: "offering"}
		if fault != "nil-slice" {
			o.Products = []string{}
		}
		var products pq.StringArray
		if err := rows.Scan(&o.ID, &o.Tag, &o.experiment, &o.seq, &o.Created, &o.Updated, &products); err != nil {
			return nil, err
		}
		o.Products = append(o.Products, products...)
		o.URL = "/v4/offerings/" + url.PathEscape(o.ID)
		o.Created, o.Updated = o.Created.UTC(), o.Updated.UTC()
		if fault == "order-by-second" {
			o.Created, o.Updated = o.Created.Truncate(time.Second), o.Updated.Truncate(time.Second)
		}
		found = append(found, o)
	}
	return found, rows.Err()
}

func find(ctx context.Context, q querier, project int, id, variant string) (*offering, error) {
	found, err := query(ctx, q, "uid = $2", project, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].experiment && variant == "" {
		return nil, fail(404, "not_found", "Offering not found")
	}
	if found[0].experiment {
		return nil, fail(422, variant, "The offering is owned by the experiments service")
	}
	return &found[0], nil
}

// write runs work in a transaction that holds the lock of the project.
func write(r *http.Request, project int, work func(*sql.Tx) (*offering, error)) (*offering, error) {
	tx, err := db.BeginTx(r.Context(), nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if fault != "no-lock" {
		if _, err := tx.Exec("select pg_advisory_xact_lock($1)", project); err != nil {
			return nil, err
		}
	}
	result, err := work(tx)
	if err != nil {
		return nil, err
	}
	return result, tx.Commit()
}

// once returns the stored response of the idempotency key, or runs work and stores its response.
func once(r *http.Request, project int, operation string, sent []byte, work func(*sql.Tx) (*offering, error)) (*offering, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || fault == "set-main-key-ignored" && operation == "set-main" {
		return write(r, project, work)
	}
	var request, response []byte
	claim := "insert into idempotency values ($1, $2, $3, $4) on conflict do nothing"
	claimed, err := db.Exec(claim, project, key, operation, sent)
	if err != nil {
		return nil, err
	}
	if n, _ := claimed.RowsAffected(); n == 0 && fault != "key-not-claimed" {
		row := db.QueryRow("select request, response from idempotency where (project, key, operation) = ($1, $2, $3)", project, key, operation)
		if err := row.Scan(&request, &response); err == nil && !bytes.Equal(request, sent) {
			return nil, fail(400, "idempotency_key_reused", "The key was used with another request")
		}
		if response == nil {
			return nil, fail(409, "idempotency_key_in_use", "A request with this key is in flight")
		}
		var stored offering
		return &stored, json.Unmarshal(response, &stored)
	}
	result, err := write(r, project, work)
	if err != nil {
		db.Exec("delete from idempotency where (project, key, operation) = ($1, $2, $3)", project, key, operation)
		return nil, err
	}
	response, _ = json.Marshal(result)
	_, err = db.Exec("update idempotency set response = $4 where (project, key, operation) = ($1, $2, $3)", project, key, operation, response)
	return result, err
}

func setProducts(tx *sql.Tx, project int, id string, products []string) error {
	known, first := 0, 0
	tx.QueryRow("select count(distinct u) from unnest($2::text[]) u join product p on p.project = $1 and p.uid = u", project, pq.Array(products)).Scan(&known)
	distinct := map[string]bool{}
	for _, product := range products {
		distinct[product] = true
	}
	if known < len(distinct) {
		return fail(400, "product_not_in_project", "Unknown product", "product_ids")
	}
	if fault == "appends" {
		tx.QueryRow("select count(*) from offering_product where (project, offering) = ($1, $2)", project, id).Scan(&first)
	} else if _, err := tx.Exec("delete from offering_product where (project, offering) = ($1, $2)", project, id); err != nil {
		return err
	}
	_, err := tx.Exec("insert into offering_product select $1, $2, $4 + n, u from unnest($3::text[]) with ordinality as t (u, n)", project, id, pq.Array(products), first)
	return err
}

type payload struct {
	ID       *string         `json:"id"`
	Tag      json.RawMessage `json:"tag"`
	Products *[]*string      `json:"product_ids"`
}

// read decodes a body member by member: encoding/json would match the names of a struct in any letter case.
func read(r *http.Request) (id string, products []string, tagged bool, sent []byte, err error) {
	var body payload
	var members map[string]json.RawMessage
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil && fault == "decoder-stops-early" {
		err = json.NewDecoder(bytes.NewReader(text)).Decode(&members)
	} else if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil || members == nil {
		return "", nil, false, nil, fail(400, "invalid_data", "The body is not a JSON object")
	}
	sent, _ = json.Marshal(members)
	if fault == "names-in-any-case" {
		err = json.Unmarshal(sent, &body)
	} else {
		for name, target := range map[string]interface{}{"id": &body.ID, "tag": &body.Tag, "product_ids": &body.Products} {
			if value, ok := members[name]; ok && err == nil {
				err = json.Unmarshal(value, target)
			}
		}
	}
	_, hasProducts := members["product_ids"]
	if err != nil || hasProducts && body.Products == nil {
		return "", nil, false, nil, fail(400, "invalid_data", "A member has the wrong type")
	}
	switch string(body.Tag) {
	case "", "0", "null":
	case "1":
		return "", nil, false, nil, fail(400, "cannot_set_main_directly", "Use set-main", "tag")
	default:
		return "", nil, false, nil, fail(400, "invalid_data", "must be 0 or null", "tag")
	}
	if body.ID != nil {
		id = *body.ID
	}
	if fault == "trims-ids" {
		id = strings.TrimSpace(id)
	}
	if body.Products != nil {
		products = []string{}
		for _, product := range *body.Products {
			if product == nil || !uid.MatchString(*product) || len(*body.Products) > 100 {
				return "", nil, false, nil, fail(400, "invalid_data", "must be up to 100 product ids", "product_ids")
			}
			products = append(products, *product)
		}
	}
	return id, products, len(body.Tag) > 0, sent, nil
}

func list(w http.ResponseWriter, r *http.Request, project int) (interface{}, int, error) {
	values, err := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, "+", "%2B")) // a plus is no space in an id
	if err != nil {
		return nil, 0, fail(400, "invalid_data", "The query is malformed")
	}
	limit, after := 20, int64(0)
	if values.Has("limit") {
		limit, err = strconv.Atoi(values.Get("limit"))
		if err != nil || limit < 1 || limit > 100 {
			return nil, 0, fail(400, "invalid_data", "must be an integer between 1 and 100", "limit")
		}
	}
	if values.Has("starting_after") {
		if !idSyntax.MatchString(values.Get("starting_after")) {
			return nil, 0, fail(400, "invalid_data", "must be an offering id", "starting_after")
		}
		cursor, err := query(r.Context(), db, "uid = $2 and not experiment", project, values.Get("starting_after"))
		if err != nil {
			return nil, 0, err
		}
		if len(cursor) == 0 {
			w.Header().Set("X-Qon-Pagination-Restarted", "true")
		} else {
			after = cursor[0].seq
		}
	}
	where := "not experiment and seq > $2 order by seq limit $3"
	if fault == "order-by-second" {
		where = `not experiment and ($2 = 0 or date_trunc('second', created_at) > (select date_trunc('second', created_at) from offering where seq = $2))
			order by date_trunc('second', created_at) limit $3`
	}
	data, err := query(r.Context(), db, where, project, after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	more := len(data) > limit
	if more {
		data = data[:limit]
	}
	return map[string]interface{}{"object": "list", "url": "/v4/offerings", "data": data, "has_more": more}, 200, nil
}

func create(r *http.Request, project int) (interface{}, int, error) {
	id, products, _, sent, err := read(r)
	if err == nil && !idSyntax.MatchString(id) {
		err = fail(400, "invalid_data", "must be 1 to 64 characters of the usual set", "id")
	}
	if err != nil {
		return nil, 0, err
	}
	result, err := once(r, project, "create", sent, func(tx *sql.Tx) (*offering, error) {
		inserted, err := tx.Exec(`insert into offering (project, uid, tag) select $1, $2, case when exists
			(select from offering where project = $1 and not experiment) then 0 else 1 end on conflict do nothing`, project, id)
		if err != nil {
			return nil, err
		}
		if n, _ := inserted.RowsAffected(); n == 0 {
			return nil, fail(409, "offering_already_exists", "An offering with this id exists")
		}
		if err := setProducts(tx, project, id, products); err != nil {
			return nil, err
		}
		return find(r.Context(), tx, project, id, "")
	})
	return result, 201, err
}

func update(r *http.Request, project int, id string) (interface{}, int, error) {
	_, products, tagged, _, err := read(r)
	if err != nil {
		return nil, 0, err
	}
	result, err := write(r, project, func(tx *sql.Tx) (*offering, error) {
		o, err := find(r.Context(), tx, project, id, "cannot_patch_experiment_variant")
		if err != nil {
			return nil, err
		}
		if tagged && o.Tag == 1 {
			return nil, fail(422, "cannot_demote_main", "Promote another offering instead")
		}
		if products != nil {
			if err := setProducts(tx, project, id, products); err != nil {
				return nil, err
			}
			tx.Exec("update offering set updated_at = clock_timestamp() where (project, uid) = ($1, $2)", project, id)
		}
		return find(r.Context(), tx, project, id, "")
	})
	return result, 200, err
}

func remove(r *http.Request, project int, id string) (interface{}, int, error) {
	_, err := write(r, project, func(tx *sql.Tx) (*offering, error) {
		o, err := find(r.Context(), tx, project, id, "cannot_delete_experiment_variant")
		if err == nil && o.Tag == 1 {
			err = fail(409, "cannot_delete_main", "Promote another offering first")
		}
		if err == nil {
			_, err = tx.Exec("delete from offering where (project, uid) = ($1, $2)", project, id)
		}
		return nil, err
	})
	return nil, 204, err
}

func setMain(r *http.Request, project int, id string) (interface{}, int, error) {
	result, err := once(r, project, "set-main", []byte(id), func(tx *sql.Tx) (*offering, error) {
		if _, err := find(r.Context(), tx, project, id, "cannot_setmain_experiment_variant"); err != nil {
			return nil, err
		}
		_, err := tx.Exec(`update offering set tag = case when uid = $2 then 1 else 0 end, updated_at = clock_timestamp()
			where project = $1 and (uid = $2) <> (tag = 1)`, project, id)
		if err != nil {
			return nil, err
		}
		return find(r.Context(), tx, project, id, "")
	})
	return result, 200, err
}

func route(w http.ResponseWriter, r *http.Request) (interface{}, int, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	var project int
	var allowed bool
	found := db.QueryRow("select project, allowed from api_key where token = $1", token).Scan(&project, &allowed)
	if !strings.EqualFold(scheme, "Bearer") || found != nil {
		return nil, 0, fail(401, "control_unauthorized", "Missing or invalid secret key")
	}
	if !allowed {
		return nil, 0, fail(403, "control_forbidden", "The key has no permission")
	}
	parts := strings.Split(r.URL.EscapedPath(), "/") // "", "v4", "offerings", id, "set-main"
	if len(parts) < 3 || len(parts) > 5 || parts[1] != "v4" || parts[2] != "offerings" || len(parts) == 5 && parts[4] != "set-main" {
		return nil, 0, fail(404, "invalid_request", "Unrecognised URL")
	}
	call := r.Method + " " + strconv.Itoa(len(parts))
	switch call {
	case "GET 3", "HEAD 3":
		return list(w, r, project)
	case "POST 3":
		return create(r, project)
	case "GET 4", "HEAD 4", "PATCH 4", "DELETE 4", "POST 5":
	default:
		return nil, 0, fail(405, "invalid_request", "Method not allowed")
	}
	id, err := url.PathUnescape(parts[3])
	if err != nil || !idSyntax.MatchString(id) {
		if call == "DELETE 4" || call == "POST 5" {
			return nil, 0, fail(400, "invalid_data", "must be an offering id", "offering_id")
		}
		return nil, 0, fail(404, "not_found", "Offering not found")
	}
	switch call {
	case "PATCH 4":
		return update(r, project, id)
	case "DELETE 4":
		return remove(r, project, id)
	case "POST 5":
		return setMain(r, project, id)
	}
	o, err := find(r.Context(), db, project, id, "")
	return o, 200, err
}

func handle(w http.ResponseWriter, r *http.Request) {
	body, status, err := route(w, r)
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			log.Print(err)
			errors.As(fail(500, "unknown_error", "Internal error"), &e)
		}
		body, status = map[string]interface{}{"error": e}, e.status
	}
	if status == 204 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func seed() error {
	script := schema
	for name, row := range map[string]string{"TOKEN": "1, true", "SECOND_TOKEN": "2, true", "EMPTY_TOKEN": "3, true", "LIMITED_TOKEN": "1, false"} {
		script += "insert into api_key values (" + pq.QuoteLiteral(os.Getenv(name)) + ", " + row + ");"
	}
	products := pq.QuoteLiteral(os.Getenv("PRODUCT_IDS"))
	script += "insert into product select n, u from generate_series(1, 3) n, unnest(string_to_array(" + products + ", ',')) u;" +
		"insert into product values (2, " + pq.QuoteLiteral(os.Getenv("SECOND_PRODUCT_ID")) + ");" +
		"insert into offering (project, uid, tag) values (1, 'Summer: 50 off', 0), (1, 'main', 1), (1, 'from.dashboard', 3), (2, 'main', 0), (2, 'Main', 1);" +
		"insert into offering (project, uid, experiment) values (1, " + pq.QuoteLiteral(os.Getenv("VARIANT_ID")) + ", true);" +
		"insert into offering_product select o.project, o.uid, row_number() over (partition by o.project, o.uid order by p.uid desc), p.uid " +
		"from offering o join product p using (project) where o.uid ilike 'ma%' or o.tag = 3;"
	_, err := db.Exec(script)
	return err
}

func main() {
	var err error
	if db, err = sql.Open("postgres", os.Getenv("DATABASE")); err == nil {
		db.SetMaxOpenConns(10)
		err = seed()
	}
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(handle)))
}
