//! Documents are input too: any file may be given as `--spec`.

use std::fs;
use std::time::Duration;

use super::program::{Ran, TempFolder, end, qonform};

const SPEC: &str = include_str!("../../spec/offerings.openapi.yaml");

fn with_spec(text: &[u8]) -> Ran {
    let folder = TempFolder::new();
    let path = folder.path().join("spec.yaml");
    fs::write(&path, text).unwrap();
    let mut command = qonform(&folder);
    command.args(["run", "--only", "get.*", "--seed", "41", "--spec"]).arg(&path);
    end(command, folder)
}

/// Rejected like an argument: quickly and with a message.
#[track_caller]
fn is_rejected(what: &str, text: &[u8]) {
    let ran = with_spec(text);
    assert_eq!(ran.code, Some(2), "{what}: {}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.starts_with("qonform: cannot "), "{what}: {}", ran.stderr);
    assert!(ran.stderr.len() < 2_000, "{what}: {} bytes of message", ran.stderr.len());
    assert!(ran.elapsed < Duration::from_secs(10), "{what}: {:?}", ran.elapsed);
    assert!(ran.peak() < 300 << 20, "{what}: {} MiB", ran.peak() >> 20);
}

#[test]
fn files_that_are_not_documents_are_rejected() {
    let levels: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    for (what, text) in [
        ("nothing", Vec::new()),
        ("bytes that are no UTF-8", b"openapi: 3.0.3\ninfo: \xff\xfe\n".to_vec()),
        ("NUL bytes", vec![0; 4_096]),
        ("an alias bomb", format!("a0: &a0 x\n{levels}").into_bytes()),
        ("deep nesting", vec![b'['; 100_000]),
        ("deep mappings", "{a: ".repeat(100_000).into_bytes()),
        ("twenty megabytes of text", vec![b'a'; 20 << 20]),
        ("twenty megabytes of items", "- a\n".repeat(5 << 20).into_bytes()),
        ("a key twice", SPEC.replacen("openapi: 3.0.3", "openapi: 3.0.3\nopenapi: 3.0.3", 1).into_bytes()),
        ("another version", SPEC.replacen("openapi: 3.0.3", "openapi: 2.0", 1).into_bytes()),
        ("a terminal escape", b"\x1b]0;owned\x07: [".to_vec()),
    ] {
        is_rejected(what, &text);
    }
}

#[test]
fn external_and_circular_references_are_rejected() {
    let pointed = |to: &str| {
        let needle = "$ref: '#/components/schemas/";
        let at =
            SPEC.find(needle).or_else(|| SPEC.find("$ref: \"#/components/schemas/")).expect("the spec has references");
        let end = at + SPEC[at..].find('\n').unwrap();
        format!("{}$ref: '{to}'{}", &SPEC[..at], &SPEC[end..]).into_bytes()
    };
    for to in [
        "https://example.com/schema.yaml#/A",
        "file:///etc/passwd",
        "other.yaml#/components/schemas/A",
        "#/components/schemas/NoSuchThing",
    ] {
        is_rejected(to, &pointed(to));
    }
    with_spec(&pointed("other.yaml#/A")).says("bundle the files into one first, for example with `redocly bundle`");
    let circle = format!("{SPEC}\n").replacen(
        "  schemas:\n",
        "  schemas:\n    Round:\n      $ref: '#/components/schemas/About'\n    About:\n      $ref: '#/components/schemas/Round'\n",
        1,
    );
    let ran = with_spec(circle.as_bytes());
    assert!([Some(0), Some(2)].contains(&ran.code), "{:?} {}", ran.code, ran.stderr);
    assert!(ran.elapsed < Duration::from_secs(10));
}

/// A document as large as those of big services.
#[test]
fn a_large_document_is_read_if_it_may_be() {
    let mut text = SPEC.to_owned();
    text.push_str("x-large:\n");
    let line = format!("  - {{name: \"{}\", values: [1, 2, 3]}}\n", "a".repeat(200));
    while text.len() < 13 << 20 {
        text.push_str(&line);
    }
    let folder = TempFolder::new();
    let path = folder.path().join("large.yaml");
    fs::write(&path, &text).unwrap();
    let lint = |more: &[&str]| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.arg("lint").args(more).arg("--spec").arg(&path);
        end(command, folder)
    };
    let ran = lint(&[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran.says("it is larger than 8 MiB\n  hint: if it is the right file, add `--max-document-size 14`");
    let ran = lint(&["--max-document-size", "14"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.elapsed < Duration::from_secs(30), "{:?}", ran.elapsed);
}

#[test]
fn a_pattern_with_catastrophic_backtracking_costs_no_time() {
    let charset = r"^[a-zA-Z0-9._:\- ]+$";
    assert!(SPEC.contains(charset));
    for pattern in [r"^(([a-zA-Z0-9._:\- ])+)+$", r"^([a-zA-Z0-9._:\- ]|[a-z])*[^/]+$", "^(a{1,1000}){1,1000}$"] {
        let ran = with_spec(SPEC.replace(charset, pattern).as_bytes());
        // Accepted or rejected: quickly and without a panic.
        assert!([Some(0), Some(1), Some(2), Some(3)].contains(&ran.code), "{pattern}: {:?} {}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert!(ran.elapsed < Duration::from_secs(15), "{pattern}: {:?}", ran.elapsed);
    }
}
