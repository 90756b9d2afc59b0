//! Reads a file as text.

use super::{DocumentError, ErrorKind, Position};
use std::{
    fs::File,
    io::{ErrorKind as Io, Read},
    path::Path,
};

/// The largest file that is read by default, in MiB. The published document with all its operations is smaller than one.
pub(super) const MAX_MIB: u64 = 8;

/// Reads a file of at most `max_mib` MiB as text.
pub(super) fn file(path: &Path, max_mib: u64) -> Result<String, DocumentError> {
    let name = path.display().to_string();
    let fail = |kind, hint: Option<&str>| DocumentError {
        kind,
        file: name.clone(),
        position: None,
        pointer: None,
        hint: hint.map(str::to_owned),
    };
    let failed = |error: std::io::Error| match error.kind() {
        Io::NotFound if is_url(&name) => {
            let hint =
                format!("--spec reads files: download it first, for example with `curl -o openapi.yaml '{name}'`");
            fail(ErrorKind::Missing, Some(&hint))
        }
        Io::NotFound => fail(ErrorKind::Missing, Some("check the path given by --spec")),
        Io::IsADirectory => fail(ErrorKind::Directory, Some("give the path of a file")),
        _ => fail(ErrorKind::Unreadable { reason: error.to_string() }, None),
    };
    if path.is_dir() {
        return Err(fail(ErrorKind::Directory, Some("give the path of a file")));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, to detect a large file or an endless device.
    let limit = max_mib * 1024 * 1024;
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_or(0, |facts| facts.len());
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let needed = size.div_ceil(1024 * 1024);
        let hint = format!("if it is the right file, add `--max-document-size {needed}`");
        return Err(fail(
            ErrorKind::TooLarge { limit: max_mib },
            Some(&hint).filter(|_| needed > max_mib).map(String::as_str),
        ));
    }
    decode(bytes, &name)
}

/// Whether a path is the address of a document on the web.
fn is_url(name: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| name.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Decodes bytes as UTF-8.
fn decode(bytes: Vec<u8>, name: &str) -> Result<String, DocumentError> {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let valid = String::from_utf8_lossy(valid);
        let line_start = valid.rfind('\n').map_or(0, |at| at + 1);
        let position =
            Position { line: valid.matches('\n').count() + 1, column: valid[line_start..].chars().count() + 1 };
        let hint = if utf16 { "it looks like UTF-16; save it as UTF-8" } else { "save it as UTF-8" };
        DocumentError {
            kind: ErrorKind::NotUtf8,
            file: name.to_owned(),
            position: Some(position),
            pointer: None,
            hint: Some(hint.to_owned()),
        }
    })
}
