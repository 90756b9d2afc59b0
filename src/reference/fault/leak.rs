//! Leak faults: data that a response must not contain.

use http::header::{HeaderName, HeaderValue};

use super::{Fault, faults};
use crate::reference::call::Operation;
use crate::reference::response::ANY;

const STACK_TRACE: &str = "ValidationException: not valid\n    at Validator.check (/app/src/validator.js:41:13)\n    \
    at Router.handle (/app/node_modules/express/lib/router/index.js:284:7)";
const SQL: &str = "SQLSTATE[23000]: Duplicate entry: INSERT INTO offerings (id, project_id) VALUES ('a', 7)";
const FILE_PATH: &str = "open /var/www/api/src/Offerings/Repository.php: no rows";

faults! {
    Leak from super::robustness::FIRST + super::robustness::ROWS.len();
    KEY_IN_401 "key-in-401"
        "A 401 repeats the key in its message."
        => |config| config.respond(&Operation::ALL, 401..=401, |call, response| {
            response.set_error("message", format!("The key `{}` is not valid.", call.bearer().unwrap_or_default()));
        });
    KEY_IN_HEADER "key-in-header"
        "Every response repeats the key in a header."
        => |config| config.respond(&Operation::ALL, ANY, |call, response| {
            if let Some(key) = call.bearer().and_then(|key| HeaderValue::from_str(key).ok()) {
                response.headers.insert(HeaderName::from_static("x-request-context"), key);
            }
        });
    KEY_IN_404 "key-in-404"
        "A 404 repeats the key in its message."
        => |config| config.respond(&Operation::ALL, 404..=404, |call, response| {
            response.set_error("message", format!("No such offering for `{}`.", call.bearer().unwrap_or_default()));
        });
    STACK_TRACE_ON_400 "stack-trace-on-400"
        "A 400 contains a stack trace."
        => |config| config.respond(&Operation::ALL, 400..=400, |_, response| response.set_error("message", STACK_TRACE));
    SQL_ON_409 "sql-on-409"
        "A 409 contains an SQL statement."
        => |config| config.respond(&Operation::ALL, 409..=409, |_, response| response.set_error("message", SQL));
    FILE_PATH_ON_404 "file-path-on-404"
        "A 404 contains a file path of the server."
        => |config| config.respond(&Operation::ALL, 404..=404, |_, response| response.set_error("message", FILE_PATH));
}
