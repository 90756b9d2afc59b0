//! `--export`: findings as files that reproduce them.

use std::fs;
use std::path::{Path, PathBuf};

use qonform::finding::Outcome;
use qonform::report;

use super::files::unwritable;
use super::{CliError, files, private_file};

/// Creates the directory, before the run, and checks that it is writable.
pub(super) fn open(path: &Path) -> Result<PathBuf, CliError> {
    let cannot = |error: std::io::Error| {
        CliError::usage(format!("export findings to {}: {}", path.display(), unwritable(&error)))
    };
    private_file::check_links(path).map_err(cannot)?;
    fs::create_dir_all(path).map_err(cannot)?;
    let probe = path.join(format!(".{}.part", std::process::id()));
    private_file::create_new(&probe).and_then(|_| fs::remove_file(&probe)).map_err(cannot)?;
    Ok(path.to_owned())
}

/// Writes the files of each finding. Only files of the same finding are overwritten.
pub(super) fn write(directory: &Path, outcome: &Outcome) -> Result<(), CliError> {
    for file in outcome.findings.iter().flat_map(|finding| report::export(outcome, finding)) {
        let path = directory.join(&file.name);
        files::replace(&path, file.text.as_bytes())
            .and_then(|()| if file.is_program { make_executable(&path) } else { Ok(()) })
            .map_err(|error| CliError::world(format!("export a finding to {}: {error}", path.display())))?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
