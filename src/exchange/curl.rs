//! A request as a `curl` command that can be pasted into a shell.

use std::fmt::Write as _;

use super::Request;

/// The command for a POSIX shell. Secrets appear as `$QONFORM_TOKEN` and the like, which the shell expands.
pub fn curl(base: &str, request: &Request) -> String {
    // Without --path-as-is curl collapses dot segments.
    let mut line = format!("curl -sS -i --path-as-is -X {}", request.method);
    for (name, value) in &request.headers {
        let _ = write!(line, " -H {}", double_quoted(&format!("{name}: {value}")));
    }
    if let Some(body) = &request.body {
        match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => {
                let _ = write!(line, " --data-raw {}", single_quoted(text));
            }
            // No shell argument can hold these bytes, so they are piped.
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

/// The beginnings of the placeholders of a secret: whole, without its last character, in upper case.
const SECRET_PREFIXES: [&str; 3] = ["$QONFORM_", "${QONFORM_", "$(echo $QONFORM_"];

/// Quotes `text` so that the shell expands only the placeholders of secrets.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (index, c) in text.char_indices() {
        let names_secret = SECRET_PREFIXES.iter().any(|beginning| text[index..].starts_with(beginning));
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
    fn the_command_names_the_key_and_quotes_the_rest() {
        let request = Request::to(Endpoint::Create).json(&json!({"id": "it's"}));
        assert_eq!(
            curl("http://127.0.0.1:4010/v4", &request),
            "curl -sS -i --path-as-is -X POST -H \"authorization: Bearer $QONFORM_TOKEN\" \
             -H \"content-type: application/json\" --data-raw '{\"id\":\"it'\\''s\"}' \
             'http://127.0.0.1:4010/v4/offerings'"
        );
    }

    #[test]
    fn the_shell_expands_only_names_of_secrets() {
        assert_eq!(double_quoted("a: $HOME `x` \"$QONFORM_TOKEN\""), "\"a: \\$HOME \\`x\\` \\\"$QONFORM_TOKEN\\\"\"");
    }

    #[test]
    fn the_shell_changes_a_changed_key() {
        assert_eq!(double_quoted("$(echo $QONFORM_TOKEN | tr a-z A-Z)"), "\"$(echo $QONFORM_TOKEN | tr a-z A-Z)\"");
        assert_eq!(double_quoted("a: ${QONFORM_TOKEN%?} ${HOME}"), "\"a: ${QONFORM_TOKEN%?} \\${HOME}\"");
    }

    #[test]
    fn bytes_that_no_argument_can_hold_are_piped() {
        let request = Request::to(Endpoint::Create).raw_body("application/json", vec![0_u8, 0xff]);
        assert!(curl("http://h", &request).starts_with("printf '\\000\\377' | curl"));
    }
}
