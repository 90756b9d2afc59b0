//! Files that only their owner can read, never created through a link that another user placed.
//!
//! A report contains requests, responses and ids of a project, and a shared folder such as `/tmp` may hold links of other
//! users. Links of the user and of root are followed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The most links that a path is followed through.
const MAX_LINKS: usize = 40;

/// Creates a file that does not exist.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    private().create_new(true).open(path)
}

/// Creates a file, or empties it. Its permissions stay as its owner has set them.
pub(super) fn create(path: &Path) -> io::Result<File> {
    check_links(path)?;
    match OpenOptions::new().write(true).truncate(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_new(path),
        opened => opened,
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Fails if a part of `path` is a link that belongs to neither the user nor root.
pub(super) fn check_links(path: &Path) -> io::Result<()> {
    let mut left = MAX_LINKS;
    check(&std::path::absolute(path)?, &mut left)
}

fn check(path: &Path, left: &mut usize) -> io::Result<()> {
    let parts: Vec<&Path> = path.ancestors().collect();
    for part in parts.into_iter().rev() {
        let Ok(facts) = fs::symlink_metadata(part) else { continue };
        if !facts.file_type().is_symlink() {
            continue;
        }
        if !is_trusted(&facts) {
            return Err(io::Error::other(format!(
                "`{}` is a link of another user; choose another path",
                part.display()
            )));
        }
        *left = left.checked_sub(1).ok_or_else(|| io::Error::other("it has too many links; choose another path"))?;
        check(&target(part)?, left)?;
    }
    Ok(())
}

/// What a link names, as an absolute path.
fn target(link: &Path) -> io::Result<PathBuf> {
    let named = fs::read_link(link)?;
    Ok(link.parent().map_or_else(|| named.clone(), |folder| folder.join(&named)))
}

#[cfg(unix)]
fn is_trusted(link: &fs::Metadata) -> bool {
    let owner = std::os::unix::fs::MetadataExt::uid(link);
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_trusted(_: &fs::Metadata) -> bool {
    true
}
