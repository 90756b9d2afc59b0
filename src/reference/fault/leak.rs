//! Leak faults: what an answer should not tell.

use super::{Fault, faults};

faults! {
    Leak from super::robustness::FIRST + super::robustness::ROWS.len();
    KEY_IN_401 "key-in-401" Scenario ["response.no-secret"]
        "A 401 repeats the key in its message.";
    KEY_IN_HEADER "key-in-header" Scenario ["response.no-secret"]
        "Every answer repeats the key in a header.";
    KEY_IN_404 "key-in-404" Scenario ["response.no-secret"]
        "A 404 repeats the key in its message.";
    STACK_TRACE_ON_400 "stack-trace-on-400" Scenario ["response.headers-sane"]
        "A 400 shows a stack trace.";
    SQL_ON_409 "sql-on-409" Scenario ["response.headers-sane"]
        "A 409 shows an SQL statement.";
    FILE_PATH_ON_404 "file-path-on-404" Scenario ["response.headers-sane"]
        "A 404 shows a path of the server's file system.";
}
