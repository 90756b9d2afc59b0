//! A request as a `curl` line that runs as printed when pasted.

use std::fmt::Write as _;

use super::Request;

/// The line for a POSIX shell. Secrets stand as `$QONFORM_TOKEN` and the like, which the shell fills in.
pub fn curl(base: &str, request: &Request) -> String {
    // --path-as-is: curl would collapse dot segments like any other client.
    let mut line = format!("curl -sS -i --path-as-is -X {}", request.method);
    for (name, value) in &request.headers {
        let _ = write!(line, " -H {}", double_quoted(&format!("{name}: {value}")));
    }
    if let Some(body) = &request.body {
        match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => {
                let _ = write!(line, " --data-raw {}", single_quoted(text));
            }
            // No shell argument can hold these bytes: they come by a pipe.
            _ => {
                let mut escaped = String::new();
                for byte in body {
                    let _ = write!(escaped, "\\{byte:03o}");
                }
                line = format!("printf '{escaped}' | {line} --data-binary @-");
            }
        }
    }
    let _ = write!(line, " {}", single_quoted(&format!("{base}{}", request.path)));
    line
}

/// How what stands for a secret begins: the name, cut, in capitals.
const ALIVE: [&str; 3] = ["$QONFORM_", "${QONFORM_", "$(echo $QONFORM_"];

/// In double quotes only `$NAME` of a secret stays alive.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (index, c) in text.char_indices() {
        let names_secret = ALIVE.iter().any(|beginning| text[index..].starts_with(beginning));
        if matches!(c, '"' | '\\' | '`') || (c == '$' && !names_secret) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Endpoint;

    #[test]
    fn a_line_names_the_key_and_quotes_the_rest() {
        let request = Request::to(Endpoint::Create).json(&json!({"id": "it's"}));
        assert_eq!(
            curl("http://127.0.0.1:4010/v4", &request),
            "curl -sS -i --path-as-is -X POST -H \"authorization: Bearer $QONFORM_TOKEN\" \
             -H \"content-type: application/json\" --data-raw '{\"id\":\"it'\\''s\"}' \
             'http://127.0.0.1:4010/v4/offerings'"
        );
    }

    #[test]
    fn only_the_name_of_a_secret_is_left_to_the_shell() {
        assert_eq!(double_quoted("a: $HOME `x` \"$QONFORM_TOKEN\""), "\"a: \\$HOME \\`x\\` \\\"$QONFORM_TOKEN\\\"\"");
    }

    #[test]
    fn a_twisted_key_is_twisted_by_the_shell() {
        assert_eq!(double_quoted("$(echo $QONFORM_TOKEN | tr a-z A-Z)"), "\"$(echo $QONFORM_TOKEN | tr a-z A-Z)\"");
        assert_eq!(double_quoted("a: ${QONFORM_TOKEN%?} ${HOME}"), "\"a: ${QONFORM_TOKEN%?} \\${HOME}\"");
    }

    #[test]
    fn bytes_that_no_argument_can_hold_come_by_a_pipe() {
        let request = Request::to(Endpoint::Create).raw_body("application/json", vec![0_u8, 0xff]);
        assert!(curl("http://h", &request).starts_with("printf '\\000\\377' | curl"));
    }
}
