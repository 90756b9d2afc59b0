//! Reads a file as text.

use super::{DocumentError, ErrorKind, Position};
use std::{
    fs::File,
    io::{ErrorKind as Io, Read},
    path::Path,
};

/// The largest file that is read, in MiB. The published document with all its operations is smaller than one.
const MAX_MIB: u64 = 8;

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
        Io::IsADirectory => fail(ErrorKind::Directory, Some("give the path of a file")),
        _ => fail(ErrorKind::Unreadable { reason: error.to_string() }, None),
    };
    if path.is_dir() {
        return Err(fail(ErrorKind::Directory, Some("give the path of a file")));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, to detect a large file or an endless device.
    let limit = MAX_MIB * 1024 * 1024;
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(fail(ErrorKind::TooLarge { limit: MAX_MIB }, None));
    }
    decode(bytes, &name)
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
