//! `--export`: findings as something to keep.

use std::fs;
use std::path::{Path, PathBuf};

use qonform::finding::Outcome;
use qonform::report;

use super::{CliError, files};

/// Makes the directory, before the run, and tries whether it can be written to.
pub(super) fn open(path: &Path) -> Result<PathBuf, CliError> {
    let cannot = |error| CliError::usage(format!("export findings to {}: {error}", path.display()));
    fs::create_dir_all(path).map_err(cannot)?;
    let tried = path.join(format!(".{}.part", std::process::id()));
    fs::File::create(&tried).and_then(|_| fs::remove_file(&tried)).map_err(cannot)?;
    Ok(path.to_owned())
}

/// Writes the files of each finding. Those of earlier runs stay, but for those of the same finding.
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
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
