import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.text.SimpleDateFormat;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.*;
import java.util.regex.Pattern;

/**
 * The offerings API on the HTTP server of the JDK and PostgreSQL, in serializable transactions that are repeated on conflict.
 *
 * <p>Choices: ids are case-sensitive, newest first, deleting the main leaves none, a replay is the stored first response with
 * 200, a key used with another body is 409, an id is written raw into url, unknown query parameters are rejected.
 */
public final class Offerings {
    static final String FAULT = Objects.requireNonNullElse(System.getenv("FAULT"), "");
    static final Pattern ID = Pattern.compile("[a-zA-Z0-9._:\\- ]{1,64}");
    static final Pattern PRODUCT = Pattern.compile("[a-zA-Z0-9._:\\- ]{1,255}");
    static final ObjectMapper JSON = new ObjectMapper()
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    static final BlockingQueue<Connection> POOL = new LinkedBlockingQueue<>();
    static final SimpleDateFormat SHARED = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"); // only for shared-date-format

    static final String SCHEMA = """
        create table api_key (token text primary key, project int not null, allowed boolean not null);
        create table product (project int, uid text, primary key (project, uid));
        create table offering (
            project int, uid text, seq bigint generated always as identity, tag smallint, experiment boolean not null,
            product_ids text[] not null, created_at timestamptz not null, updated_at timestamptz not null,
            primary key (project, uid));
        create table replay (
            project int, key text, operation text, request text not null, response text not null,
            primary key (project, key, operation));
        """;

    record Key(int project, boolean allowed) {}

    record Answer(int status, JsonNode body, Map<String, String> headers) {
        Answer(int status, JsonNode body) { this(status, body, Map.of()); }
    }

    /** An error of the API, thrown from anywhere within a request. */
    static final class ApiError extends RuntimeException {
        final transient Answer answer;

        ApiError(int status, String code, String message, String... fields) {
            super(message, null, false, false);
            ObjectNode body = JSON.createObjectNode(), error = body.putObject("error");
            error.put("type", status == 404 || status == 409 ? "resource" : status == 422 ? "logical" : "request");
            error.put("code", code).put("message", message);
            for (String field : fields) error.withArray("details").addObject().put("field", field).put("message", message);
            answer = new Answer(status, body);
        }
    }

    interface Work { Answer run(Database db) throws SQLException; }

    /** One connection with short names for what a request does with it. */
    record Database(Connection cx) {
        PreparedStatement bind(String sql, Object... values) throws SQLException {
            PreparedStatement statement = cx.prepareStatement(sql);
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i] instanceof List<?> list
                ? cx.createArrayOf("text", list.toArray()) : values[i]);
            return statement;
        }

        int update(String sql, Object... values) throws SQLException {
            try (var statement = bind(sql, values)) { return statement.executeUpdate(); }
        }

        List<Map<String, Object>> query(String sql, Object... values) throws SQLException {
            try (var statement = bind(sql, values); var rows = statement.executeQuery()) {
                List<Map<String, Object>> found = new ArrayList<>();
                while (rows.next()) {
                    Map<String, Object> row = new HashMap<>();
                    for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                        Object value = rows.getObject(i);
                        row.put(rows.getMetaData().getColumnName(i), value instanceof Array array ? array.getArray() : value);
                    }
                    found.add(row);
                }
                return found;
            }
        }
    }

    /** Runs `work` in a transaction; PostgreSQL refuses one of two that conflict, and that one runs again. */
    static Answer transaction(Work work) throws SQLException, InterruptedException {
        Connection cx = POOL.take();
        try {
            for (int attempt = 1; ; attempt++) {
                try {
                    Answer answer = work.run(new Database(cx));
                    cx.commit();
                    return answer;
                } catch (SQLException failure) {
                    cx.rollback();
                    boolean conflict = failure.getSQLState().startsWith("40") || failure.getSQLState().equals("23505");
                    if (!conflict || attempt == 200 || FAULT.equals("no-retry")) throw failure;
                    Thread.sleep(ThreadLocalRandom.current().nextInt(Math.min(attempt, 10) * 2));
                } catch (RuntimeException error) {
                    cx.rollback();
                    throw error;
                }
            }
        } finally {
            POOL.add(cx);
        }
    }

    static String time(Object timestamp) {
        if (FAULT.equals("shared-date-format")) return SHARED.format((Timestamp) timestamp);
        return ((Timestamp) timestamp).toInstant().toString();
    }

    static ObjectNode view(Map<String, Object> row) {
        ObjectNode node = JSON.createObjectNode().put("object", "offering").put("id", (String) row.get("uid"))
            .put("url", "/v4/offerings/" + row.get("uid")).put("tag", (Integer) row.get("tag"));
        List<String> products = Arrays.asList((String[]) row.get("product_ids"));
        var array = node.putArray("product_ids");
        (FAULT.equals("products-in-a-set") ? new HashSet<>(products) : products).forEach(array::add);
        return node.put("created_at", time(row.get("created_at"))).put("updated_at", time(row.get("updated_at")));
    }

    static Map<String, Object> find(Database db, int project, String id, String variant) throws SQLException {
        var rows = db.query("select * from offering where project = ? and uid = ?", project, id);
        if (rows.isEmpty() || (variant == null && (boolean) rows.get(0).get("experiment")))
            throw new ApiError(404, "not_found", "Offering not found");
        if ((boolean) rows.get(0).get("experiment"))
            throw new ApiError(422, variant, "The offering is owned by the experiments service");
        return rows.get(0);
    }

    static ApiError invalid(String field, String message) { return new ApiError(400, "invalid_data", message, field); }

    static JsonNode body(HttpExchange exchange) throws IOException {
        JsonNode body;
        try {
            body = JSON.readTree(exchange.getRequestBody().readNBytes(1 << 20));
        } catch (JsonProcessingException malformed) {
            throw new ApiError(400, "invalid_data", "The body is not JSON");
        }
        if (!body.isObject()) throw new ApiError(400, "invalid_data", "The body must be an object");
        JsonNode tag = body.path("tag");
        if (!tag.isMissingNode() && !tag.isNull() && !(tag.isIntegralNumber() && (tag.longValue() | 1) == 1 && tag.canConvertToInt()))
            throw invalid("tag", "must be 0 or null");
        if (tag.isIntegralNumber() && tag.intValue() == 1)
            throw new ApiError(400, "cannot_set_main_directly", "Use set-main", "tag");
        JsonNode ids = body.path("product_ids");
        if (!ids.isMissingNode() && (!ids.isArray() || ids.size() > 100)) throw invalid("product_ids", "must have up to 100 ids");
        for (JsonNode id : ids)
            if (!id.isTextual() || !PRODUCT.matcher(id.textValue()).matches()) throw invalid("product_ids", "invalid product id");
        return body;
    }

    static List<String> products(Database db, int project, JsonNode body) throws SQLException {
        List<String> ids = new ArrayList<>();
        body.path("product_ids").forEach(id -> ids.add(id.textValue()));
        var known = db.query("select uid from product where project = ? and uid = any(?)", project, ids);
        if (known.size() < new HashSet<>(ids).size())
            throw new ApiError(400, "product_not_in_project", "Unknown product", "product_ids");
        return ids;
    }

    /** The stored response of the idempotency key, or that of `work`, which is stored. */
    static Answer once(Database db, int project, HttpExchange exchange, String operation, String sent, Work work) throws SQLException {
        String key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
        if (key == null) return work.run(db);
        var stored = db.query("select request, response from replay where (project, key, operation) = (?, ?, ?)", project, key, operation);
        if (!stored.isEmpty()) {
            if (!stored.get(0).get("request").equals(sent))
                throw new ApiError(409, "idempotency_key_reused", "The key was used with another request");
            try {
                return new Answer(200, JSON.readTree((String) stored.get(0).get("response")));
            } catch (JsonProcessingException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
        Answer answer = work.run(db);
        db.update("insert into replay values (?, ?, ?, ?, ?)", project, key, operation, sent, answer.body.toString());
        return answer;
    }

    static Answer list(int project, String query) throws SQLException, InterruptedException {
        int limit = 20;
        String after = null;
        for (String pair : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
            String[] parts = pair.split("=", 2);
            String value = parts.length < 2 ? "" : decode(parts[1].replace("+", "%2B"));
            switch (decode(parts[0])) {
                case "limit" -> {
                    if (!value.matches("[0-9]{1,3}")) throw invalid("limit", "must be an integer between 1 and 100");
                    limit = Integer.parseInt(value);
                    if (limit < 1 || limit > 100) throw invalid("limit", "must be an integer between 1 and 100");
                }
                case "starting_after" -> {
                    if (!FAULT.equals("cursor-not-validated") && !ID.matcher(value).matches()) throw invalid("starting_after", "is no id");
                    after = value;
                }
                default -> throw invalid(decode(parts[0]), "unknown parameter");
            }
        }
        int size = limit;
        String cursor = after;
        return transaction(db -> {
            String where = "from offering where project = ? and not (experiment and ?)";
            boolean regular = !FAULT.equals("variants-in-list");
            var from = db.query("select created_at, seq " + where + " and uid = ?", project, regular, cursor == null ? "" : cursor);
            Object before = from.isEmpty() ? null : from.get(0).get("created_at"), seq = from.isEmpty() ? 0L : from.get(0).get("seq");
            var rows = db.query("select * " + where + " and (created_at, seq) < (coalesce(?::timestamptz, 'infinity'), ?)"
                + " order by created_at desc, seq desc limit ?", project, regular, before, seq, size + 1);
            ObjectNode page = JSON.createObjectNode().put("object", "list").put("url", "/v4/offerings");
            var data = page.putArray("data");
            rows.stream().limit(size).forEach(row -> data.add(view(row)));
            page.put("has_more", rows.size() > size);
            return new Answer(200, page, cursor != null && from.isEmpty() ? Map.of("X-Qon-Pagination-Restarted", "true") : Map.of());
        });
    }

    static Answer create(int project, HttpExchange exchange) throws Exception {
        JsonNode body = body(exchange);
        String id = body.path("id").isTextual() ? body.get("id").textValue() : "";
        if (!ID.matcher(id).matches()) throw invalid("id", "must be 1 to 64 characters of the usual set");
        return transaction(db -> once(db, project, exchange, "create", body.toString(), same -> {
            List<String> products = products(db, project, body);
            if (!db.query("select 1 from offering where project = ? and uid = ?", project, id).isEmpty())
                throw new ApiError(409, "offering_already_exists", "An offering with this id exists");
            boolean first = db.query("select 1 from offering where project = ? and not experiment limit 1", project).isEmpty();
            insert(db, project, id, first ? (Integer) 1 : body.path("tag").isNumber() ? (Integer) 0 : null, false, products);
            return new Answer(201, view(find(db, project, id, null)));
        }));
    }

    static void insert(Database db, int project, String id, Integer tag, boolean experiment, List<String> products) throws SQLException {
        Timestamp now = Timestamp.from(Instant.now());
        db.update("insert into offering (project, uid, tag, experiment, product_ids, created_at, updated_at) values (?, ?, ?::int, ?, ?, ?, ?)",
            project, id, tag, experiment, products, now, now);
    }

    static Answer update(int project, String id, JsonNode body) throws Exception {
        return transaction(db -> {
            var row = find(db, project, id, "cannot_patch_experiment_variant");
            if (body.has("tag") && Objects.equals(row.get("tag"), 1))
                throw new ApiError(422, "cannot_demote_main", "Promote another offering instead");
            List<String> products = products(db, project, body);
            if (!body.has("product_ids") && !FAULT.equals("absent-is-empty")) products = Arrays.asList((String[]) row.get("product_ids"));
            String where = FAULT.equals("update-without-project") ? " where ? > 0 and uid = ?" : " where project = ? and uid = ?";
            db.update("update offering set product_ids = ?, updated_at = ?" + where, products, Timestamp.from(Instant.now()), project, id);
            return new Answer(200, view(find(db, project, id, null)));
        });
    }

    static Answer delete(int project, String id) throws Exception {
        return transaction(db -> {
            find(db, project, id, "cannot_delete_experiment_variant");
            db.update("delete from offering where project = ? and uid = ?", project, id);
            return new Answer(204, null);
        });
    }

    static Answer setMain(int project, String id, HttpExchange exchange) throws Exception {
        return transaction(db -> once(db, project, exchange, "set-main", id, same -> {
            find(db, project, id, "cannot_setmain_experiment_variant");
            Timestamp now = Timestamp.from(Instant.now());
            db.update("update offering set tag = 0, updated_at = ? where project = ? and tag = 1 and uid <> ?", now, project, id);
            db.update("update offering set tag = 1, updated_at = ? where project = ? and uid = ?", now, project, id);
            return new Answer(200, view(find(db, project, id, null)));
        }));
    }

    static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException malformed) {
            throw new ApiError(400, "invalid_data", "The URL is not percent-encoded");
        }
    }

    static Answer route(HttpExchange exchange) throws Exception {
        String header = Objects.requireNonNullElse(exchange.getRequestHeaders().getFirst("Authorization"), "");
        boolean bearer = header.regionMatches(true, 0, "Bearer ", 0, 7) || FAULT.equals("scheme-ignored");
        String token = header.substring(header.indexOf(' ') + 1);
        List<Map<String, Object>> keys = new ArrayList<>();
        if (bearer) transaction(db -> { keys.clear(); keys.addAll(db.query("select * from api_key where token = ?", token)); return null; });
        if (keys.isEmpty()) throw new ApiError(401, "control_unauthorized", "Missing or invalid secret key");
        if (!(boolean) keys.get(0).get("allowed")) throw new ApiError(403, "control_forbidden", "The key has no permission");
        int project = (int) keys.get(0).get("project");

        String[] path = exchange.getRequestURI().getRawPath().split("/", -1); // "", "v4", "offerings", id, "set-main"
        String method = exchange.getRequestMethod().equals("HEAD") ? "GET" : exchange.getRequestMethod();
        if (path.length < 3 || path.length > 5 || !path[1].equals("v4") || !path[2].equals("offerings")
            || (path.length == 5 && !path[4].equals("set-main"))) throw new ApiError(404, "invalid_request", "Unrecognised URL");
        String call = method + " " + path.length;
        if (call.equals("GET 3")) return list(project, exchange.getRequestURI().getRawQuery());
        if (call.equals("POST 3")) return create(project, exchange);
        if (path.length == 3) throw new ApiError(405, "invalid_request", "Method not allowed");
        String id = decode(FAULT.equals("form-decoding") ? path[3] : path[3].replace("+", "%2B"));
        if (!ID.matcher(id).matches()) throw invalid("offering_id", "is no id");
        return switch (call) {
            case "GET 4" -> transaction(db -> new Answer(200, view(find(db, project, id, null))));
            case "PATCH 4" -> update(project, id, body(exchange));
            case "DELETE 4" -> delete(project, id);
            case "POST 5" -> setMain(project, id, exchange);
            default -> throw new ApiError(405, "invalid_request", "Method not allowed");
        };
    }

    static void handle(HttpExchange exchange) throws IOException {
        Answer answer;
        try {
            answer = route(exchange);
        } catch (ApiError error) {
            answer = error.answer;
        } catch (Exception failure) {
            failure.printStackTrace();
            answer = new Answer(500, JSON.createObjectNode().set("error", JSON.createObjectNode()
                .put("type", "internal").put("code", "unknown_error").put("message", "Internal error")));
        }
        exchange.getRequestBody().readAllBytes();
        answer.headers.forEach(exchange.getResponseHeaders()::set);
        byte[] bytes = answer.body == null ? new byte[0] : JSON.writeValueAsBytes(answer.body);
        boolean empty = bytes.length == 0 || exchange.getRequestMethod().equals("HEAD");
        if (answer.body != null) exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(answer.status, empty ? -1 : bytes.length);
        if (!empty) exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    public static void main(String[] arguments) throws Exception {
        String url = System.getenv("DATABASE").replaceFirst("//qonform@", "//") + "&user=qonform";
        for (int i = 0; i < 8; i++) {
            Connection cx = DriverManager.getConnection("jdbc:" + url);
            cx.setAutoCommit(false);
            cx.setTransactionIsolation(FAULT.equals("read-committed")
                ? Connection.TRANSACTION_READ_COMMITTED : Connection.TRANSACTION_SERIALIZABLE);
            POOL.add(cx);
        }
        transaction(db -> {
            db.update(SCHEMA);
            Map<String, Integer> keys = Map.of("TOKEN", 1, "SECOND_TOKEN", 2, "EMPTY_TOKEN", 3, "LIMITED_TOKEN", 1);
            for (var key : keys.entrySet())
                db.update("insert into api_key values (?, ?, ?)", System.getenv(key.getKey()), key.getValue(), !key.getKey().startsWith("LIM"));
            List<String> products = List.of(System.getenv("PRODUCT_IDS").split(","));
            for (int project = 1; project <= 3; project++)
                for (String uid : products) db.update("insert into product values (?, ?)", project, uid);
            db.update("insert into product values (2, ?)", System.getenv("SECOND_PRODUCT_ID"));
            insert(db, 1, "Autumn sale", null, false, products);
            insert(db, 1, "default", 1, false, products.subList(0, 2));
            insert(db, 1, System.getenv("VARIANT_ID"), null, true, products.subList(0, 1));
            insert(db, 1, "imported", -32768, false, List.of());
            insert(db, 2, "default", 0, false, products);
            insert(db, 2, "second", 1, false, List.of(System.getenv("SECOND_PRODUCT_ID")));
            return null;
        });
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 0);
        server.createContext("/", Offerings::handle);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
    }
}
