//! Does an error show something of the server's inside? Only unmistakable marks count: prose may speak of files.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// The kind of thing that is shown, and the text. Text that the request itself sent is no leak.
pub(super) fn inside(body: &[u8], sent: &[u8]) -> Option<(&'static str, String)> {
    if !may_show_something(body) {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    let sent = String::from_utf8_lossy(sent);
    text.split(['\n', '"'])
        // Inside JSON a line end stands as `\n`.
        .flat_map(|line| line.split("\\n"))
        .filter_map(|line| Some((kind(line)?, line)))
        .find(|(_, line)| !sent.contains(line))
        .map(|(kind, line)| (kind, line.trim().to_owned()))
}

/// Whether a body holds what every such text holds: nearly no error does, and this is much cheaper to see.
fn may_show_something(body: &[u8]) -> bool {
    static MARKS: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
        let verbs = SQL.iter().map(|(verb, _)| *verb);
        // Frames have their place in brackets, paths have slashes.
        let all = TRACES.iter().copied().chain(verbs).chain(["(", "/", ":\\"]);
        all.map(Finder::new).collect()
    });
    MARKS.iter().any(|mark| mark.find(body).is_some())
}

fn kind(line: &str) -> Option<&'static str> {
    if is_stack_trace(line) {
        Some("a stack trace")
    } else if is_sql(line) {
        Some("an SQL statement")
    } else if has_source_path(line) {
        Some("a file path")
    } else {
        None
    }
}

const TRACES: [&str; 6] = [
    "Traceback (most recent call last)",
    "panicked at ",
    "goroutine ",
    "stack backtrace:",
    "Stack trace:",
    "Exception in thread ",
];

fn is_stack_trace(line: &str) -> bool {
    let frame = line.trim_start();
    let is_frame =
        frame.strip_prefix("at ").is_some_and(|rest| rest.contains('(') && rest.ends_with(')') && rest.contains(':'));
    is_frame || TRACES.iter().any(|mark| line.contains(mark)) && (line.contains(':') || line.contains('('))
}

/// An SQL statement has its verb and the word that must follow, in capitals as programs write them.
const SQL: [(&str, &str); 5] = [
    ("SELECT ", " FROM "),
    ("INSERT INTO ", "("),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", " WHERE "),
    ("SQLSTATE", "["),
];

fn is_sql(line: &str) -> bool {
    SQL.iter().any(|(verb, follower)| line.find(verb).is_some_and(|at| line[at + verb.len()..].contains(follower)))
}

/// An absolute path that ends in a source file: `/app/src/store.go:12`, `C:\srv\api.cs`.
fn has_source_path(line: &str) -> bool {
    const ENDINGS: [&str; 12] = ["go", "rs", "py", "rb", "php", "js", "ts", "java", "kt", "cs", "ex", "scala"];
    line.split(|c: char| c.is_whitespace() || "'`()<>,;".contains(c)).any(|word| {
        let absolute = word.starts_with('/') && word[1..].contains('/') || word.get(1..3) == Some(":\\");
        let file = word.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = file.split(':').next().unwrap_or_default();
        absolute && name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && ENDINGS.contains(&ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inside_of_a_server_is_recognised() {
        for (text, expected) in [
            ("Traceback (most recent call last):\n File x", "a stack trace"),
            (r#"{"m":"thread 'main' panicked at src/x.rs:1:2"}"#, "a stack trace"),
            (r#"{"m":"x\n    at com.a.Store.put(Store.java:12)"}"#, "a stack trace"),
            ("SELECT id FROM offerings WHERE id = ''", "an SQL statement"),
            ("INSERT INTO offerings (id) VALUES", "an SQL statement"),
            ("open /app/internal/store.go:12 failed", "a file path"),
        ] {
            assert_eq!(inside(text.as_bytes(), b"").map(|f| f.0), Some(expected), "{text}");
        }
    }

    #[test]
    fn prose_paths_of_the_api_and_what_was_sent_are_no_leak() {
        for text in [
            "Select an offering from the list, then update the set",
            "see /v4/offerings/premium.monthly for more",
            r#"{"message":"Offering 'a.js' not found at (this) place"}"#,
            "read https://documentation.qonversion.io/docs/errors.html",
        ] {
            assert_eq!(inside(text.as_bytes(), b""), None, "{text}");
        }
        assert_eq!(inside(br#"{"id":"/etc/x/a.go"}"#, br#"{"id":"/etc/x/a.go"}"#), None);
    }
}
