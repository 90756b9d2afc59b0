//! From a path to a text: the first things that can go wrong.

use super::{DocumentError, ErrorKind, Position};
use std::{
    fs::File,
    io::{ErrorKind as Io, Read},
    path::Path,
};

/// The largest file that is read, in MiB. The published document with all its operations is below one.
const LIMIT: u64 = 8;

/// Reads a file as text.
pub(super) fn file(path: &Path) -> Result<String, DocumentError> {
    let name = path.display().to_string();
    let fail = |kind, hint: Option<&str>| DocumentError {
        kind,
        file: name.clone(),
        position: None,
        pointer: None,
        hint: hint.map(str::to_owned),
    };
    let failed = |error: std::io::Error| match error.kind() {
        Io::NotFound => fail(ErrorKind::Missing, Some("check the path given by --spec")),
        Io::IsADirectory => fail(ErrorKind::Directory, Some("give the file in it")),
        _ => fail(ErrorKind::Unreadable { reason: error.to_string() }, None),
    };
    if path.is_dir() {
        return Err(fail(ErrorKind::Directory, Some("give the file in it")));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that an endless device is noticed as well as a large file.
    let limit = LIMIT * 1024 * 1024;
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(fail(ErrorKind::TooLarge { limit: LIMIT }, None));
    }
    text(bytes, &name)
}

/// Takes bytes for text.
fn text(bytes: Vec<u8>, name: &str) -> Result<String, DocumentError> {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let good = String::from_utf8_lossy(good);
        let line_start = good.rfind('\n').map_or(0, |at| at + 1);
        let position =
            Position { line: good.matches('\n').count() + 1, column: good[line_start..].chars().count() + 1 };
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
